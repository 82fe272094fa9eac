"""Results that are slow to make, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pooch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from causalxai.record import Json

Arrays = dict[str, NDArray[np.generic]]

_logger = logging.getLogger(__name__)


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
    either is logged as a warning.

    Parameters
    ----------
    key
        Says all that the arrays depend on.
    make
        Returns the arrays.
    """
    path = cache_folder() / f"{key}.safetensors"
    if path.is_file():
        try:
            return dict(load_file(path))
        except (OSError, SafetensorError) as error:
            _logger.warning("%s: cannot be read and is made anew: %s", path, error)
    arrays = make()
    try:
        _write(path, arrays)
    except OSError as error:
        _logger.warning("%s: cannot be written, the next run makes it anew: %s", path, error)
    return arrays


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
