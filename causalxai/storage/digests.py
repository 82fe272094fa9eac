"""Digests of files, by which results are known to belong to the data that they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from causalxai.errors import DataError


def digest_files(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 of files' names and contents, as 64 hexadecimal digits.

    Parameters
    ----------
    files
        The files by the name that counts for the digest: their paths do not.

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
