"""Checkpoints: where a long computation keeps its state until it is finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causalxai.storage.record import Record


@dataclass(frozen=True)
class Checkpoint:
    """Functions that load and save the state of a long computation, to continue it later."""

    load: Callable[[], Record | None]
    save: Callable[[Record], None]


NO_CHECKPOINT = Checkpoint(load=lambda: None, save=lambda _record: None)
"""A checkpoint that holds nothing and keeps nothing."""
