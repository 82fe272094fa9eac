"""Holds source code to the declared API, by its syntax alone: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import zip_longest
from pathlib import Path

from causalxai.api import Deprecation

_CORE = "causalxai"
_ROOT = Path(__file__).parents[1]

Name = tuple[str, str]
"""A module, and a name in it."""


def undeclared_imports(
    folders: Iterable[Path], public: frozenset[Name], deprecated: Mapping[str, Deprecation]
) -> list[str]:
    """Return what Python files import of causalxai that they may not, with file and line.

    Parameters
    ----------
    folders
        Folders, or single files.
    public
        Modules and names that may be imported. The short cuts in ``causalxai`` itself may be, too.
    deprecated
        Names that may not be imported any more, ``module:name``.
    """
    faults = []
    for path in (path for folder in folders for path in python_files(folder)):
        for line, module, name in core_imports(ast.parse(path.read_text(encoding="utf-8"))):
            what = f"{module}.{name}" if name else f"the module {module}"
            if f"{module}:{name}" in deprecated:
                reason = f"is deprecated: use {deprecated[f'{module}:{name}'].instead}"
            elif (module, name) in public or (module == _CORE and name in short_cuts()):
                continue
            else:
                reason = "is not in the declared API (causalxai/api)"
            faults.append(f"{path}:{line}: {what} {reason}")
    return faults


def faults_of_the_list(
    public: frozenset[Name], deprecated: Mapping[str, Deprecation], version: str
) -> list[str]:
    """Return what is wrong with the list itself.

    A listed name has to be there, with a docstring, and be no private one. A short cut in
    ``causalxai`` leads to a listed name. A deprecated name has a listed one in its place, and is
    gone in the version that it is removed in.
    """
    faults = []
    for module, name in sorted(public):
        if any(part.startswith("_") for part in (*module.split("."), name)):
            faults.append(f"{module}.{name} is private")
        elif docstring_of(module, name) is None:
            faults.append(f"{module}.{name} is not there, or has no docstring")
    homes = {*public, *filter(None, map(_reexported, public))}
    for name, home in short_cuts().items():
        if (_CORE, name) not in public and home not in homes:
            faults.append(f"causalxai.{name} is a short cut to a name that is not listed")
    for old, leaving in deprecated.items():
        new_module, _, new_name = leaving.instead.partition(":")
        if (new_module, new_name) not in public:
            faults.append(f"{old} is deprecated for {leaving.instead}, which is not listed")
        if _numbers(version) >= _numbers(leaving.removed_in):
            faults.append(f"{old} was to be removed in {leaving.removed_in}; this is {version}")
    return faults


def python_files(folder: Path) -> Iterator[Path]:
    """Return a folder's Python files in a fixed order; a file is returned as it is."""
    yield from (sorted(folder.rglob("*.py")) if folder.is_dir() else [folder])


def core_imports(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Return line, module and name of all that is imported of causalxai.

    The name is empty where a whole module is imported; of ``import causalxai`` those attributes
    are returned that are used, under another name, too.
    """
    called = _names_of_core(tree)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] == _CORE:
                yield from ((node.lineno, module, alias.name) for alias in node.names)
            case ast.Import():
                for alias in node.names:
                    if alias.name.startswith(f"{_CORE}."):
                        yield node.lineno, alias.name, ""
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in called:
                yield node.lineno, _CORE, name


def _names_of_core(tree: ast.Module) -> frozenset[str]:
    """Return what a file calls ``causalxai``."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    aliases = (alias for node in imports for alias in node.names)
    return frozenset({_CORE, *(a.asname for a in aliases if a.name == _CORE and a.asname)})


@cache
def short_cuts() -> Mapping[str, Name]:
    """Return the names that can be imported from ``causalxai`` itself, and where they come from."""
    tree = ast.parse((_ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: (f"{_CORE}.{node.module}", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


@cache
def _tree_of(module: str) -> ast.Module:
    path = _ROOT.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.parse("")


def _reexported(home: Name) -> Name | None:
    """Return where a module has a name from, if not from itself."""
    module, name = home
    if module == _CORE:
        return short_cuts().get(name)
    for node in _tree_of(module).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


def docstring_of(module: str, name: str) -> str | None:
    """Return the docstring of a name, a constant's too; ``None`` if it or the name is missing."""
    while (further := _reexported((module, name))) is not None:
        module, name = further
    body = _tree_of(module).body
    for node, following in zip_longest(body, body[1:]):
        match node:
            case ast.ClassDef(name=found) | ast.FunctionDef(name=found) if found == name:
                return ast.get_docstring(node)
            case (
                ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found))
            ) if found == name:
                match following:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        return text
                return None
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
