"""Writes files whole or not at all, and turns errors of the file system into one sentence."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from causalxai.errors import DataError


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn errors of the file system into errors that name a file or folder.

    Parameters
    ----------
    path
        What the block writes.

    Raises
    ------
    DataError
        If the disk is full, the folder is read-only, a name is too long, and the like.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be written: {_reason(error)}") from error


@contextmanager
def new_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a folder with a temporary name, which ``delete_leftovers`` knows.

    What the block leaves of the folder is deleted.

    Parameters
    ----------
    parent
        The folder that it lies in.
    name
        What is written into it.
    """
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_prefix(name)}", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def delete_leftovers(parent: Path, name: str) -> None:
    """Delete the temporary folders of processes that were killed while they wrote ``name``."""
    if parent.is_dir():
        for path in parent.iterdir():
            if path.name.startswith(_prefix(name)):
                shutil.rmtree(path, ignore_errors=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is whole or as it was before.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    binary = content.encode() if isinstance(content, str) else content
    with writing_to(path), new_folder(path.parent, path.name) as folder:
        (folder / "content").write_bytes(binary)
        (folder / "content").replace(path)


def _prefix(name: str) -> str:
    return f".writing-{name[:100]}-"


def _reason(error: Exception) -> str:
    if isinstance(error, FileExistsError):
        return f"{error.filename} is a file, not a folder"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # The Rust part of safetensors reports: ... Os { code: 28, ..., message: "No space left" }.
    found = re.search(r'message: "([^"]+)"', str(error)) or re.search(
        r"([^:]+) \(os error", str(error)
    )
    return found[1].strip() if found else str(error)
