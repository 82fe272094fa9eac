"""Damage to stored results, and to the cache of drawings."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from causalxai.storage.record import Record
from causalxai.storage.store import Store
from causalxai_datasets import caching
from tests.trust.family import Case, Family

RECORD = Record(
    tensors={"values": torch.arange(100.0)},
    meta={"epoch": 3, "names": ["a", "ü"]},
    texts={"report.html": "<p>ü</p>"},
    files={"picture.png": bytes(range(64))},
)
_FILES = ("tensors.safetensors", "meta.json", "report.html", "files/picture.png")


def _stored(folder: Path) -> tuple[Store, Path]:
    store = Store(folder)
    store.write("explain", "key", RECORD)
    return store, folder / "explain" / "key"


def _is_absent_and_can_be_written(store: Store) -> None:
    assert store.read("explain", "key") is None, "a damaged record was read"
    store.write("explain", "key", RECORD)
    found = store.read("explain", "key")
    assert found is not None, "it cannot be written anew"
    assert (found.meta, found.texts, found.files) == (RECORD.meta, RECORD.texts, RECORD.files)
    assert torch.equal(found.tensors["values"], RECORD.tensors["values"])


def _flipped_bit(position: int, folder: Path) -> None:
    store, record = _stored(folder)
    file = record / "tensors.safetensors"
    content = bytearray(file.read_bytes())
    content[position % len(content)] ^= 1 << (position % 8)
    file.write_bytes(content)
    _is_absent_and_can_be_written(store)


def _checksums(text: str, folder: Path) -> None:
    store, record = _stored(folder)
    (record / "checksums.json").write_text(text, encoding="utf-8")
    _is_absent_and_can_be_written(store)


def _without_checksum(name: str, damage: Callable[[Path], object], folder: Path) -> None:
    """Delete a file's checksum from the list and damage the file."""
    store, record = _stored(folder)
    path = record / "checksums.json"
    checksums = json.loads(path.read_text())
    del checksums[name]
    path.write_text(json.dumps(checksums))
    damage(record / name)
    _is_absent_and_can_be_written(store)


def _damaged(name: str, damage: Callable[[Path], object], folder: Path) -> None:
    store, record = _stored(folder)
    damage(record / name)
    _is_absent_and_can_be_written(store)


def _in_place_of_the_record(put: Callable[[Path], object], folder: Path) -> None:
    store, record = _stored(folder)
    shutil.rmtree(record)
    put(record)
    _is_absent_and_can_be_written(store)


def _exchanged(folder: Path) -> None:
    """Exchange the tensors of two records."""
    store, record = _stored(folder)
    store.write("explain", "other", Record(tensors={"values": -torch.arange(100.0)}))
    shutil.copy(folder / "explain" / "other" / _FILES[0], record)
    _is_absent_and_can_be_written(store)


def _random_bytes(seed: int, folder: Path) -> None:
    """Overwrite, insert and delete bytes of all files; what is read is right or absent."""
    draw = random.Random(seed)
    store, record = _stored(folder)
    for _ in range(30):
        file = record / draw.choice([*_FILES, "checksums.json"])
        content = bytearray(file.read_bytes())
        start = draw.randrange(len(content) + 1)
        content[start : start + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
        file.write_bytes(content)
        found = store.read("explain", "key")
        assert found is None or (found.meta, found.texts) == (RECORD.meta, RECORD.texts)
        assert found is None or torch.equal(found.tensors["values"], RECORD.tensors["values"])
        store.write("explain", "key", RECORD)


def _drawings(damage: Callable[[Path], object], folder: Path) -> None:
    """Damage the cache of drawings: what it returns is what was drawn."""
    arrays = {"images": np.arange(600, dtype=np.uint8).reshape(6, 10, 10)}
    with mock.patch.object(caching, "cache_folder", lambda: folder):
        caching.cached("key", lambda: arrays)
        damage(folder / "key.safetensors")
        again = caching.cached("key", lambda: arrays)
    assert np.array_equal(again["images"], arrays["images"]), "damaged drawings were read"


def _flip_last(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def _reversed(path: Path) -> None:
    save_file({name: array[::-1].copy() for name, array in load_file(path).items()}, path)


def _reversed_in_place(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-600] + content[-600:][::-1])


_DAMAGES = {
    "flipped": _flip_last, "cut": _cut, "empty": _empty, "a folder": _folder, "a loop": _loop,
    "deleted": Path.unlink,
}  # fmt: skip


def _cases() -> Iterator[Case]:
    for position in range(0, 480, 7):
        yield Case(f"bit {position} flipped", partial(_flipped_bit, position), quick=position < 50)
    for text in ("{}", "null", "5", '"abc"', "[]", "", "[" * 99_999, '{"../../x": "0"}'):
        yield Case(f"checksums {text[:20]}", partial(_checksums, text), quick=True)
    for name in _FILES:
        for what, damage in _DAMAGES.items():
            yield Case(f"{name} {what}", partial(_damaged, name, damage), quick=what == "a folder")
        for what in ("flipped", "cut", "empty"):
            yield Case(
                f"{name} {what} and without a checksum",
                partial(_without_checksum, name, _DAMAGES[what]),
                quick=True,
            )
    for what, put in {
        "a file": lambda path: path.write_text("x"),
        "a dead link": lambda path: path.symlink_to("nowhere"),
        "a loop of links": lambda path: path.symlink_to(path),
        "an empty folder": Path.mkdir,
        "a pipe": os.mkfifo,
    }.items():
        yield Case(f"{what} in place of a record", partial(_in_place_of_the_record, put))
    yield Case("tensors of another record", _exchanged, quick=True)
    for seed in range(20):
        yield Case(f"random bytes, seed {seed}", partial(_random_bytes, seed))
    for what, damage in {
        **_DAMAGES, "reversed": _reversed, "reversed in place": _reversed_in_place,
    }.items():  # fmt: skip
        yield Case(f"drawings {what}", partial(_drawings, damage), quick=True)


FAMILY = Family(
    "store-damage",
    "A damaged result in the store, or a damaged drawing in the cache, is never used: it is "
    "computed anew.",
    _cases,
)
