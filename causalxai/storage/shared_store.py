"""A store whose results are also kept where several machines find them: a bucket, or a folder."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from causalxai.errors import DataError
from causalxai.storage.checkpoint import Checkpoint
from causalxai.storage.cost import Cost
from causalxai.storage.record import Record
from causalxai.storage.store import Store, replace_folder
from causalxai.storage.writing import new_folder, writing_to

_logger = logging.getLogger(__name__)


def open_store(root: Path, shared: str | None = None) -> Store:
    """Return the store of the runs in a folder.

    Parameters
    ----------
    root
        The folder of the runs.
    shared
        Where results are kept for other machines as well: a URL that fsspec knows, such as
        ``s3://bucket/results`` or ``file:///mnt/results``.

    Raises
    ------
    DataError
        If the shared place cannot be reached: fsspec does not know it, a package for it is not
        installed, or it does not answer.
    """
    folder = root / ".store"
    if shared is None:
        return Store(folder)
    store = SharedStore(folder, shared)
    store.check()
    return store


class SharedStore(Store):
    """A local store with a copy of each result in a place that several machines share.

    What is computed is written to the local store and then to the shared place; what the local
    store lacks is fetched from there. In the shared place, a record is one object
    ``stage/key.zip``. It is put there under a name of its own and then moved, so that others find
    it whole or not at all. No locks are needed: a key is the digest of everything that a result
    depends on, so that two machines that compute the same result at the same time write the same
    one, and whoever is second replaces it by itself. Processes of one machine wait for one another.

    Checkpoints are shared as well, so that another machine can go on with a stage.

    Parameters
    ----------
    root
        The folder of the local store.
    url
        The shared place.
    """

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(root)
        self.url = url

    @property
    def place(self) -> str:
        """Where the results are, for messages."""
        return f"{self.root} and {self.url}"

    def read(self, stage: str, key: str) -> Record | None:
        """Return a record, or ``None`` if it is absent or damaged in both places."""
        record = super().read(stage, key)
        if record is None and self._fetch(self._folder(stage, key)):
            record = super().read(stage, key)
        return record

    def has(self, stage: str, key: str) -> bool:
        """Return whether a record exists. Only ``read`` finds out whether it is damaged."""
        if super().has(stage, key):
            return True
        with self._talking():
            return bool(self._files.exists(self._object(self._folder(stage, key))))

    def write(self, stage: str, key: str, record: Record, cost: Cost | None = None) -> None:
        """Write a record and its cost to both places, and delete the stage's checkpoint."""
        super().write(stage, key, record, cost)
        self._publish(self._folder(stage, key))
        self._delete_shared(self._partial(stage, key))

    def cost(self, stage: str, key: str) -> Cost | None:
        """Return the cost of a record, or ``None`` if it is unknown."""
        folder = self._folder(stage, key)
        if not folder.is_dir():
            self._fetch(folder)
        return super().cost(stage, key)

    def checkpoint(
        self, stage: str, key: str, cost: Callable[[], Cost | None] = lambda: None
    ) -> Checkpoint:
        """Return the checkpoint of an unfinished stage; it saves the state and ``cost()``."""
        local, folder = super().checkpoint(stage, key, cost), self._partial(stage, key)

        def load() -> Record | None:
            record = local.load()
            if record is None and self._fetch(folder):
                record = local.load()
            return record

        def save(record: Record) -> None:
            local.save(record)
            self._publish(folder)

        return Checkpoint(load, save)

    def cost_so_far(self, stage: str, key: str) -> Cost | None:
        """Return the cost of an unfinished stage up to its checkpoint."""
        folder = self._partial(stage, key)
        if not folder.is_dir():
            self._fetch(folder)
        return super().cost_so_far(stage, key)

    def drop(self, stage: str, key: str) -> None:
        """Delete a record and the stage's checkpoint in both places."""
        super().drop(stage, key)
        for folder in (self._folder(stage, key), self._partial(stage, key)):
            self._delete_shared(folder)

    def check(self) -> None:
        """Check that the shared place can be reached; DataError if not."""
        with self._talking():
            self._files.makedirs(self._shared, exist_ok=True)
            self._files.exists(f"{self._shared}/checked")

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        files, place = url_to_fs(self.url)
        return files, str(place).rstrip("/")

    @property
    def _files(self) -> Any:
        return self._opened[0]

    @property
    def _shared(self) -> str:
        return self._opened[1]

    def _object(self, folder: Path) -> str:
        """Return where a folder of the local store is in the shared place."""
        name = quote(folder.relative_to(self.root).as_posix())
        return f"{self._shared}/{name}.zip"

    def _publish(self, folder: Path) -> None:
        """Put a folder of the local store into the shared place."""
        with writing_to(folder), new_folder(folder.parent, folder.name) as temporary:
            packed = temporary / "record.zip"
            with zipfile.ZipFile(packed, "w") as archive:
                for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                    archive.write(path, path.relative_to(folder).as_posix())
            with self._talking():
                target = self._object(folder)
                unfinished = f"{target.removesuffix('.zip')}-{uuid4().hex}.unfinished"
                self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._files.put_file(str(packed), unfinished)
                self._files.mv(unfinished, target)

    def _fetch(self, folder: Path) -> bool:
        """Get a folder from the shared place, if it is there; return whether it was."""
        with writing_to(folder), new_folder(folder.parent, folder.name) as temporary:
            packed, unpacked = temporary / "record.zip", temporary / "record"
            with self._talking():
                try:
                    self._files.get_file(self._object(folder), str(packed))
                except FileNotFoundError:
                    return False
            try:
                with zipfile.ZipFile(packed) as archive:
                    archive.extractall(unpacked)
            except zipfile.BadZipFile as error:
                _logger.warning("%s is damaged (%s) and not used", self._object(folder), error)
                return False
            try:
                replace_folder(unpacked, folder)
            except OSError:
                # Another process of this machine may have fetched it at the same time.
                if not folder.is_dir():
                    raise
        return True

    def _delete_shared(self, folder: Path) -> None:
        with self._talking():
            target = self._object(folder)
            if self._files.exists(target):
                self._files.rm_file(target)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn errors of the shared place into errors that name it."""
        try:
            yield
        except Exception as error:
            # Each kind of place has a package of its own, which may raise any exception.
            raise DataError(f"the store {self.url} cannot be used: {error}") from error
