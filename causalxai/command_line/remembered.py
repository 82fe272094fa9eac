"""Answers of commands, remembered until anything changes that they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

SWITCHED_OFF = "CAUSALXAI_NO_CACHE"
"""The environment variable that, if it is set, switches this memory off."""

# Shells change these from command to command.
_RESTLESS = ("_", "OLDPWD", "PWD", "SHLVL", "COLUMNS", "LINES")
# Of what an installer writes on a distribution, this decides which plugins there are.
_METADATA = ("METADATA", "PKG-INFO", "entry_points.txt", "requires.txt")
# Seconds. A file that was changed later may have been read before it was changed.
_UNSETTLED = 10.0
_MOST_ANSWERS = 64


class Remembered:
    """The place of one answer, in the user's cache.

    An answer is found again only by the same question, put to the same Python in the same folder,
    with the same search path and environment variables, and only as long as these files and
    folders are as they were when it was kept: every module that had been imported, the folders of
    packages and of the search path, and the metadata of every distribution. An answer that depends
    on anything else must not be kept.

    Parameters
    ----------
    question
        What is asked, as plain JSON.
    """

    def __init__(self, question: Mapping[str, Any]) -> None:
        self._began = time.time()
        self._is_on = not os.environ.get(SWITCHED_OFF)
        environment = {name: value for name, value in os.environ.items() if name not in _RESTLESS}
        asked = {
            "question": question,
            "python": [sys.version, sys.executable, list(sys.flags)],
            "path": sys.path,
            "folder": str(Path.cwd()),
            "environment": environment,
        }
        text = json.dumps(asked, sort_keys=True)
        self._name = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    def recall(self) -> Any:
        """Return the answer that was kept; ``None`` if there is none, or it may be out of date."""
        if not self._is_on:
            return None
        try:
            kept = json.loads(zlib.decompress(self._file.read_bytes()))
            state, paths, answer = kept["state"], kept["paths"], kept["answer"]
        except (OSError, ValueError, zlib.error, KeyError, TypeError):
            # There is none, or whoever wrote it was killed.
            return None
        return answer if _state_of(paths)[0] == state else None

    def keep(self, answer: Any) -> None:
        """Keep an answer, unless code has been changed since the question was asked.

        Parameters
        ----------
        answer
            Plain JSON, and not ``None``.
        """
        if not self._is_on:
            return
        paths = sorted(_code())
        state, changed = _state_of(paths)
        if changed > self._began - _UNSETTLED:
            return
        kept = zlib.compress(
            json.dumps({"answer": answer, "state": state, "paths": paths}).encode()
        )
        try:
            self._write(kept)
        except OSError:
            # The cache cannot be written. The next command takes as long as this one.
            return

    @property
    def _file(self) -> Path:
        return _folder() / self._name

    def _write(self, content: bytes) -> None:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{self._name}.{os.getpid()}"
        unfinished.write_bytes(content)
        unfinished.replace(self._file)
        by_age = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-_MOST_ANSWERS]:
            old.unlink(missing_ok=True)


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("causalxai") / "answers"


def _code() -> Iterator[str]:
    """Yield the files and folders that decide which code is run, each perhaps several times."""
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if isinstance(spec, ModuleSpec):
            if spec.has_location and spec.origin:
                yield spec.origin
            yield from map(str, spec.submodule_search_locations or ())
    for folder in map(Path, sys.path):
        yield str(folder)
        for metadata in (*folder.glob("*.dist-info"), *folder.glob("*.egg-info")):
            yield str(metadata)
            yield from (str(metadata / name) for name in _METADATA)


def _state_of(paths: list[str]) -> tuple[str, float]:
    """Return a digest of the states of files and folders, and the time of the last change."""
    digest, latest = hashlib.sha256(), 0.0
    for path in paths:
        try:
            found = Path(path).stat()
        except OSError:
            # It is remembered that there is none.
            digest.update(b"-")
            continue
        # The time of the last change of the inode cannot be set back, unlike that of the content.
        latest = max(latest, found.st_mtime, found.st_ctime)
        state = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        digest.update(repr(state).encode())
    return digest.hexdigest(), latest
