"""Checkpoints: where a long fit keeps its unfinished state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causalxai.storage.record import Record


@dataclass(frozen=True)
class Checkpoint:
    """Where a long fit keeps its unfinished state, so that a killed run goes on from there."""

    load: Callable[[], Record | None]
    save: Callable[[Record], None]


NO_CHECKPOINT = Checkpoint(load=lambda: None, save=lambda _record: None)
"""A checkpoint that holds nothing and keeps nothing."""
