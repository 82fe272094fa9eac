"""A cache of slow results in the user's cache folder, limited to 2 GiB.

An entry contains a checksum, which is verified when it is read. When the cache is full, the entries
that were read or written longest ago are deleted.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pooch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from causalxai.storage.record import Json

# Written by hand because joblib.Memory and diskcache store pickles, which run code when they are
# read, and joblib limits the size of its folder only on request.
Arrays = dict[str, NDArray[np.generic]]

_logger = logging.getLogger(__name__)

_CHECKSUM = "sha256"
_ROOM = 2 * 1024**3


def cache_folder() -> Path:
    """Return the folder of the cache, whose files can be deleted at any time."""
    return Path(pooch.os_cache("causalxai")) / "drawings"


def key_of(*parts: NDArray[np.generic] | Json) -> str:
    """Return a digest of arrays and plain values, as 64 hexadecimal digits."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype}{part.shape}".encode())
            total.update(np.ascontiguousarray(part).tobytes())
        else:
            total.update(f"{part!r}\0".encode())
    return total.hexdigest()


def cached(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the cached arrays of a key, or compute and store them.

    A file that cannot be read, or is not what was stored under its key, is computed again, and
    nothing is stored in a folder that cannot be written; all this is logged as warnings. Several
    processes may read, store and delete entries at the same time.

    Parameters
    ----------
    key
        A digest of everything on which the arrays depend.
    make
        Computes the arrays.
    """
    path = cache_folder() / f"{key}.safetensors"
    kept = _read(path, key)
    if kept is not None:
        return kept
    arrays = make()
    try:
        _write(path, key, arrays)
        _make_room(path)
    except OSError as error:
        _logger.warning("%s: cannot be written and is not cached: %s", path, error)
    return arrays


def _read(path: Path, key: str) -> Arrays | None:
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            checksum = (file.metadata() or {}).get(_CHECKSUM)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        # A damaged header may name a type of numbers that NumPy does not have.
        _logger.warning("%s: cannot be read and is computed again: %s", path, error)
        return None
    if checksum != _checksum(key, arrays):
        _logger.warning("%s: has a missing or wrong checksum and is computed again", path)
        return None
    # The time of modification is updated on reading, because not all systems keep times of access.
    with suppress(OSError):
        os.utime(path)
    return arrays


def _make_room(stored: Path) -> None:
    """Delete the entries that were used longest ago, except the one that has just been stored."""
    found = []
    for path in stored.parent.iterdir():
        # Another process may have deleted or moved the file.
        with suppress(FileNotFoundError):
            state = path.stat()
            found.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= _ROOM:
            return
        if path != stored:
            # Some systems cannot delete a file that another process is reading.
            with suppress(OSError):
                path.unlink(missing_ok=True)
                total -= size


def _checksum(key: str, arrays: Arrays) -> str:
    return key_of(key, *(part for name in sorted(arrays) for part in (name, arrays[name])))


def _write(path: Path, key: str, arrays: Arrays) -> None:
    """Write to a temporary file and move it, so that no incomplete file is ever read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        save_file(kept, temporary, {_CHECKSUM: _checksum(key, kept)})
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
