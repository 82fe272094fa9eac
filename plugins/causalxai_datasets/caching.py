"""A cache of slow results in the user's cache folder, limited to 2 GiB.

When it is full, the entries that were read or written longest ago are deleted.
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
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from causalxai.storage.record import Json

# Written by hand because joblib.Memory and diskcache store pickles, which run code when they are
# read, and joblib limits the size of its folder only on request.
Arrays = dict[str, NDArray[np.generic]]

_logger = logging.getLogger(__name__)

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

    A file that cannot be read is computed again, and nothing is stored in a folder that cannot be
    written; both are logged as warnings. Several processes may read, store and delete entries at
    the same time.

    Parameters
    ----------
    key
        A digest of everything on which the arrays depend.
    make
        Computes the arrays.
    """
    path = cache_folder() / f"{key}.safetensors"
    kept = _read(path)
    if kept is not None:
        return kept
    arrays = make()
    try:
        _write(path, arrays)
        _make_room(path)
    except OSError as error:
        _logger.warning("%s: cannot be written and is not cached: %s", path, error)
    return arrays


def _read(path: Path) -> Arrays | None:
    try:
        arrays = dict(load_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, SafetensorError) as error:
        _logger.warning("%s: cannot be read and is computed again: %s", path, error)
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


def _write(path: Path, arrays: Arrays) -> None:
    """Write to a temporary file and move it, so that no incomplete file is ever read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
