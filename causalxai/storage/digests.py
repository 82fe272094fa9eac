"""Digests of files, which tie results to the data from which they were computed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from causalxai.errors import DataError


def digest_files(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 of the names and contents of files, as 64 hexadecimal digits.

    Parameters
    ----------
    files
        Paths by name. The names enter the digest; the paths do not.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    total = hashlib.sha256()
    for name in sorted(files):
        try:
            with files[name].open("rb") as file:
                content = hashlib.file_digest(file, "sha256")
        except OSError as error:
            raise DataError(f"{files[name]}: {error.strerror or error}") from error
        total.update(f"{name}\0{content.hexdigest()}\n".encode())
    return total.hexdigest()
