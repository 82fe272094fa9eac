"""Results that are slow to make, kept in the user's cache folder, of which they fill 2 GiB at most.

Whenever something is stored beyond that, what was read or written longest ago is dropped.
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

# By hand: joblib.Memory and diskcache keep pickles, which run code when they are read; and joblib's
# folder is held to a size only when somebody asks for it.
Arrays = dict[str, NDArray[np.generic]]

_logger = logging.getLogger(__name__)

_ROOM = 2 * 1024**3


def cache_folder() -> Path:
    """Return the folder of what was kept; all of it can be deleted at any time."""
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
    """Return what is kept under a key, or make and keep it.

    A file that cannot be read is made anew, and a folder that cannot be written to keeps nothing;
    either is logged as a warning. Several processes may read, store and drop at once.

    Parameters
    ----------
    key
        Says all that the arrays depend on.
    make
        Returns the arrays.
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
        _logger.warning("%s: cannot be written, the next run makes it anew: %s", path, error)
    return arrays


def _read(path: Path) -> Arrays | None:
    try:
        arrays = dict(load_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, SafetensorError) as error:
        _logger.warning("%s: cannot be read and is made anew: %s", path, error)
        return None
    # Times of access are not kept everywhere. A folder that is only read drops nothing either.
    with suppress(OSError):
        os.utime(path)
    return arrays


def _make_room(stored: Path) -> None:
    """Drop what was used longest ago, but not what has just been stored, however large it is."""
    found = []
    for path in stored.parent.iterdir():
        # Another process may have dropped it, or moved what it was writing.
        with suppress(FileNotFoundError):
            state = path.stat()
            found.append((state.st_mtime_ns, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= _ROOM:
            return
        if path != stored:
            # Some systems do not drop a file that another process is reading.
            with suppress(OSError):
                path.unlink(missing_ok=True)
                total -= size


def _write(path: Path, arrays: Arrays) -> None:
    """Write beside and move, so that nobody ever reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
