"""Digests of files, which tie results to the data from which they were computed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from causalxai.errors import DataError
from causalxai.storage.record import Record


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


def digest_record(record: Record) -> str:
    """Return the SHA-256 of everything in a record, as 64 hexadecimal digits."""
    import torch

    total = hashlib.sha256(json.dumps(dict(record.meta), sort_keys=True).encode())
    for name, tensor in sorted(record.tensors.items()):
        total.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        plain = tensor.detach().cpu().contiguous().flatten()
        total.update(plain.view(torch.uint8).numpy().data)
    files = {**{name: text.encode() for name, text in record.texts.items()}, **record.files}
    for name, content in sorted(files.items()):
        total.update(f"{name} {hashlib.sha256(content).hexdigest()}".encode())
    return total.hexdigest()
