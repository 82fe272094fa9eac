"""The content-addressed store: a result's key is the digest of everything that it depends on."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from causalxai.storage.checkpoint import Checkpoint
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.writing import delete_leftovers, new_folder, writing_to

_TENSORS, _META, _CHECKSUMS = "tensors.safetensors", "meta.json", "checksums.json"
# Not part of the record: the same result costs more on a busy machine.
_COST = "cost.json"
# In a folder of their own, so that a text and a file may have the same name.
_FILES = "files"

_logger = logging.getLogger(__name__)


def digest(description: Mapping[str, Any]) -> str:
    """Return the key of a result: the SHA-256 of its description in canonical JSON."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """Keeps records in folders ``root/stage/key``.

    A record is written under a temporary name and then renamed, so that it is complete or absent.
    When it is read, its files must be exactly those that have a checksum, and agree with it; a
    damaged record counts as absent. Checksums detect damage, not a forger who replaces them too.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        """Where the results are, for messages."""
        return str(self.root)

    def read(self, stage: str, key: str) -> Record | None:
        """Return a record, or ``None`` if it is absent or damaged."""
        return self._read(self._folder(stage, key))

    def has(self, stage: str, key: str) -> bool:
        """Return whether a record exists. Only ``read`` finds out whether it is damaged."""
        return self._folder(stage, key).is_dir()

    def write(self, stage: str, key: str, record: Record, cost: Cost | None = None) -> None:
        """Write a record and its cost, and delete the stage's checkpoint."""
        self._write(self._folder(stage, key), record, cost)
        _delete(self._partial(stage, key))

    def cost(self, stage: str, key: str) -> Cost | None:
        """Return the cost of a record, or ``None`` if it is unknown."""
        return self._cost(self._folder(stage, key))

    def checkpoint(
        self, stage: str, key: str, cost: Callable[[], Cost | None] = lambda: None
    ) -> Checkpoint:
        """Return the checkpoint of an unfinished stage; it saves the state and ``cost()``."""
        folder = self._partial(stage, key)
        return Checkpoint(
            load=lambda: self._read(folder),
            save=lambda record: self._write(folder, record, cost()),
        )

    def cost_so_far(self, stage: str, key: str) -> Cost | None:
        """Return the cost of an unfinished stage up to its checkpoint."""
        return self._cost(self._partial(stage, key))

    def drop(self, stage: str, key: str) -> None:
        """Delete a record and the stage's checkpoint."""
        for folder in (self._folder(stage, key), self._partial(stage, key)):
            _delete(folder)

    @contextmanager
    def locked(self, stage: str, key: str) -> Iterator[None]:
        """Keep other processes from computing the same stage at the same time."""
        path = self.root / "locks" / f"{stage}-{key[:16]}.lock"
        lock = FileLock(path)
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                _logger.info("%s: waiting for another process that computes it", stage)
                lock.acquire()
        for folder in (self._folder(stage, key), self._partial(stage, key)):
            delete_leftovers(folder.parent, folder.name)
        try:
            yield
        finally:
            lock.release()

    def _folder(self, stage: str, key: str) -> Path:
        return self.root / stage / key

    def _partial(self, stage: str, key: str) -> Path:
        return self.root / "partial" / f"{stage}-{key}"

    def _read(self, folder: Path) -> Record | None:
        if not folder.is_dir():
            return None
        try:
            return _read_record(folder)
        except (OSError, ValueError, RecursionError, SafetensorError) as error:
            _logger.warning("%s is damaged (%s) and not used", folder, error)
            return None

    def _cost(self, folder: Path) -> Cost | None:
        try:
            return Cost.from_json(json.loads((folder / _COST).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None

    def _write(self, folder: Path, record: Record, cost: Cost | None) -> None:
        with writing_to(folder), new_folder(folder.parent, folder.name) as temporary:
            write_record(temporary, record)
            written = sorted(path for path in temporary.rglob("*") if path.is_file())
            checksums = {
                path.relative_to(temporary).as_posix(): _checksum(path) for path in written
            }
            (temporary / _CHECKSUMS).write_text(json.dumps(checksums), encoding="utf-8")
            if cost is not None:
                (temporary / _COST).write_text(json.dumps(asdict(cost)), encoding="utf-8")
            replace_folder(temporary, folder)


def replace_folder(new: Path, folder: Path) -> None:
    """Give a new folder the name of another one, which is deleted."""
    _delete(folder)
    new.replace(folder)


def write_record(folder: Path, record: Record) -> None:
    """Write the tensors, JSON, texts and files of a record into a folder."""
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in record.tensors.items()}
    save_file(tensors, folder / _TENSORS)
    meta = json.dumps(record.meta, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / _META).write_text(meta, encoding="utf-8")
    for name, text in record.texts.items():
        (folder / name).write_bytes(text.encode())
    if record.files:
        (folder / _FILES).mkdir()
    for name, content in record.files.items():
        (folder / _FILES / name).write_bytes(content)


def _read_record(folder: Path) -> Record:
    """Read a record; ValueError if its files are not those that have a checksum."""
    checksums = json.loads((folder / _CHECKSUMS).read_text(encoding="utf-8"))
    if not isinstance(checksums, dict):
        raise ValueError(f"{_CHECKSUMS} has no checksums")
    files = _files_of(folder)
    needed = {_TENSORS, _META, *files}
    if odd := sorted(needed ^ checksums.keys()):
        raise ValueError(f"{', '.join(odd)}: file and checksum do not belong together")
    if bad := [name for name in files if _checksum(folder / name) != checksums[name]]:
        raise ValueError(", ".join(bad))
    meta = json.loads((folder / _META).read_text(encoding="utf-8"))
    if not isinstance(meta, dict):
        raise ValueError(f"{_META} is not an object")
    inside = [name for name in files if name.startswith(f"{_FILES}/")]
    texts = [name for name in files if name not in (_TENSORS, _META, *inside)]
    return Record(
        tensors=load_file(folder / _TENSORS),
        meta=meta,
        texts={name: (folder / name).read_bytes().decode() for name in texts},
        files={Path(name).name: (folder / name).read_bytes() for name in inside},
    )


def _files_of(folder: Path) -> list[str]:
    """Return the names of a record's files; hidden ones are the operating system's."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in found if path.name[0] != "."]
    return [name for name in names if name not in (_CHECKSUMS, _COST)]


def _delete(path: Path) -> None:
    """Delete a folder, or whatever stands in its place."""
    if path.is_dir() and not path.is_symlink():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
