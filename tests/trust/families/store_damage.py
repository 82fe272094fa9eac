"""Damage to stored results."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from causalxai.storage.record import Record
from causalxai.storage.store import Store
from tests.trust.family import Case, Family


def _flipped_bit(position: int, folder: Path) -> None:
    store = Store(folder)
    store.write("explain", "key", Record(tensors={"values": torch.arange(100.0)}))
    file = folder / "explain" / "key" / "tensors.safetensors"
    content = bytearray(file.read_bytes())
    content[position % len(content)] ^= 1 << (position % 8)
    file.write_bytes(content)
    assert store.read("explain", "key") is None, "a damaged record was read"


def _cases() -> Iterator[Case]:
    for position in range(0, 480, 7):
        yield Case(f"bit {position} flipped", partial(_flipped_bit, position), quick=position < 50)


FAMILY = Family(
    "store-damage",
    "A damaged result in the store is never used: it is computed anew.",
    _cases,
)
