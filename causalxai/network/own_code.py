"""Which modules are the user's own code, and digests of their source."""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from pathlib import Path

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")
)  # fmt: skip
_VERSIONED = frozenset({"torch", "causalxai"})
"""Packages whose versions are part of every key."""

# A module is run when it is imported or reloaded, which makes a new spec; later edits of its file
# are not run. By module: the spec, and the source when it was first looked at.
_sources_that_ran: dict[str, tuple[ModuleSpec, bytes]] = {}


def top_package(module: str) -> str:
    """Return the outermost package of a module's name."""
    return module.partition(".")[0]


def is_standard(module: str) -> bool:
    """Return whether a module is part of Python itself; nothing of it is imported to find out."""
    top = top_package(module)
    if top == "__main__":
        return False
    spec = _spec(top)
    if spec is None:
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    file = _file(spec)
    return file is not None and not _is_installed(file) and _is_below(file, _STANDARD)


class OwnCode:
    """The modules that are the user's own code.

    These are all that are neither part of Python, of torch or of causalxai, nor installed. An
    editable installation is the user's own, and so is ``__main__``, as in a notebook.

    Parameters
    ----------
    packages
        Outermost packages that count as the user's own although they are installed.
    """

    def __init__(self, packages: Collection[str] = ()) -> None:
        self._packages = frozenset(packages) - _VERSIONED
        self._known: dict[str, bool] = {}

    def has(self, module: str) -> bool:
        """Return whether a module, which need not be imported, is the user's own."""
        if module not in self._known:
            self._known[module] = self._has(module)
        return self._known[module]

    def _has(self, module: str) -> bool:
        top = top_package(module)
        if module == "__main__":
            return True
        if top in _VERSIONED or is_standard(module):
            return False
        spec = _spec(module)
        if spec is None:
            # Made by code, as types.ModuleType(), not read from a file.
            return module in sys.modules
        places = [_file(spec), *map(Path, spec.submodule_search_locations or ())]
        found = [place for place in places if place is not None]
        return bool(found) and (top in self._packages or not all(map(_is_installed, found)))

    def sources(self, modules: Iterable[str]) -> dict[str, str]:
        """Return digests of the source of own modules, and of those that they import.

        Imports in functions count, whether they were run or not; the packages around a module
        count, too. ``__main__`` is left out: most of it is not about the network.

        Parameters
        ----------
        modules
            The names of modules; those that are not the user's own are passed over.

        Returns
        -------
        dict
            SHA-256 by module.
        """
        found: dict[str, str] = {}
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            if name in found or name == "__main__" or not self.has(name):
                continue
            spec = _spec(name)
            source = b"" if spec is None else _source(name, spec)
            found[name] = hashlib.sha256(source).hexdigest()
            if spec is not None:
                package = name if spec.submodule_search_locations is not None else spec.parent
                waiting += _imports(source, package or "")
            waiting += [name.rpartition(".")[0]] if "." in name else []
        return found


def _spec(module: str) -> ModuleSpec | None:
    """Return where a module comes from, without importing it or its package."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        spec = getattr(loaded, "__spec__", None)
        return spec if isinstance(spec, ModuleSpec) else None
    parent, _, _ = module.rpartition(".")
    try:
        if not parent:
            return find_spec(module)
        package = _spec(parent)
        places = None if package is None else package.submodule_search_locations
        return None if places is None else PathFinder.find_spec(module, list(places))
    except (ImportError, ValueError, AttributeError):
        return None


def _file(spec: ModuleSpec) -> Path | None:
    return Path(spec.origin) if spec.has_location and spec.origin else None


def _is_installed(path: Path) -> bool:
    return any(part in _INSTALLED for part in path.parts)


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.resolve().is_relative_to(folder) for folder in folders)


def _source(module: str, spec: ModuleSpec) -> bytes:
    ran = _sources_that_ran.get(module)
    if ran is not None and ran[0] is spec:
        return ran[1]
    file = _file(spec)
    try:
        source = b"" if file is None else file.read_bytes()
    except OSError:
        # The file was deleted after the import; what it defined is digested as it is in memory.
        source = b""
    if module in sys.modules:
        _sources_that_ran[module] = spec, source
    return source


def _imports(source: bytes, package: str) -> Iterator[str]:
    """Yield the names of everything that some source imports, or that may be a module."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        # Not Python, such as a compiled extension.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(module: str, level: int, package: str) -> str:
    if not level:
        return module
    try:
        return resolve_name("." * level + module, package)
    except ImportError:
        return ""
