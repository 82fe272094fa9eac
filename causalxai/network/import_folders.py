"""The folders in which a network's code is found, in addition to Python's own import path."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

from causalxai.network.own_code import OwnCode

_LOG = logging.getLogger(__name__)

# All folders that were searched so far in this process.
_searched: set[str] = set()


def folders_searched(first: Path | None) -> list[Path]:
    """Return the folders in which code is found: ``first``, if given, and the working directory."""
    return list(dict.fromkeys([*([] if first is None else [first.resolve()]), Path.cwd()]))


@contextmanager
def importable_from(first: Path | None) -> Iterator[None]:
    """Let imports find code in a folder and in the working directory, before all other places.

    Both are on ``sys.path`` inside the block only. A module of the user's own that was imported
    earlier, and that a new process would now find in another file or not at all, is taken out of
    ``sys.modules``, so that the block imports the right one. Objects that were made of it stay as
    they are.

    Parameters
    ----------
    first
        The folder that is searched first; ``None`` for the working directory alone.
    """
    folders = [str(folder) for folder in folders_searched(first)]
    before = list(sys.path)
    sys.path[:0] = folders
    importlib.invalidate_caches()
    try:
        _take_out_others(folders)
        _searched.update(folders)
        yield
    finally:
        for folder in folders:
            # The imported code may have changed the path, too.
            if sys.path.count(folder) > before.count(folder):
                sys.path.remove(folder)


def names_in(folders: Sequence[Path]) -> list[str]:
    """Return the names of the modules and packages that lie in some folders."""
    return sorted({found.name for found in pkgutil.iter_modules([str(each) for each in folders])})


def _take_out_others(folders: Sequence[str]) -> None:
    own = OwnCode()
    here = {found.name for found in pkgutil.iter_modules(folders)}
    loaded: dict[str, list[str]] = defaultdict(list)
    for name in list(sys.modules):
        loaded[name.partition(".")[0]].append(name)
    for top, names in loaded.items():
        files = [file for name in names if (file := getattr(sys.modules[name], "__file__", None))]
        if top not in here and not _is_searched(top, files):
            continue
        if files and own.has(top) and top != "__main__" and not _is_found_now(top, files):
            _LOG.warning(
                "%s was imported from %s before; an import may now find another one", top, files[0]
            )
            for name in names:
                del sys.modules[name]


def _is_searched(top: str, files: Sequence[str]) -> bool:
    """Return whether a file is of a module, or of a package, that lies in a searched folder."""
    # Built once for all files, of which there are thousands.
    starts = tuple(
        os.path.join(folder, top) + end  # noqa: PTH118
        for folder in _searched
        for end in (".", os.sep)
    )
    return any(file.startswith(starts) for file in files)


def _is_found_now(top: str, files: Sequence[str]) -> bool:
    """Return whether an import would find the files that were loaded."""
    spec = _found(top)
    if spec is None:
        return False
    if spec.submodule_search_locations is None:
        return spec.origin in files
    places = [Path(place) for place in spec.submodule_search_locations]
    return all(any(place in Path(file).parents for place in places) for file in files)


def _found(name: str) -> ModuleSpec | None:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, None)
        if spec is not None:
            return spec
    return None
