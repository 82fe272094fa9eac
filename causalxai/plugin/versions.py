"""The version that a plugin's results are filed under, read without importing anything."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def stated_version(module: str) -> str | None:
    """Return the ``__version__`` of the innermost package around a module that states one.

    A package states its version by an assignment of a literal in its ``__init__.py``. One
    distribution may hold several packages with versions of their own, so that the results of one
    are not computed anew for a change of another.

    Parameters
    ----------
    module
        The dotted name of the module that defines a plugin.

    Returns
    -------
    str or None
        ``None`` where no package around the module, nor the module itself, states a version.
    """
    top, *inner = module.split(".")
    found = find_spec(top)
    if found is None:
        return None
    version = _literal_version(Path(found.origin)) if found.origin else None
    for folder in map(Path, found.submodule_search_locations or ()):
        for depth in range(1, len(inner) + 1):
            version = _literal_version(folder.joinpath(*inner[:depth], "__init__.py")) or version
    return version


@cache
def _literal_version(file: Path) -> str | None:
    if file.suffix != ".py" or not file.is_file():
        return None
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        # The error is reported when the plugin is loaded.
        return None
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__version__")], value=ast.Constant(str(version)))
                | ast.AnnAssign(target=ast.Name(id="__version__"), value=ast.Constant(str(version)))
            ):
                return version
    return None
