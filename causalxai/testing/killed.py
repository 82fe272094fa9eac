"""Simulated kills, to test whether a fit continues where it stopped."""

from __future__ import annotations

from causalxai.storage.checkpoint import Checkpoint
from causalxai.storage.record import Record
from causalxai.testing.bench import stored


class KilledError(Exception):
    """Stands for the end of a process."""


class Keeper:
    """Keeps records as they would lie on disk, and kills the process after so many of them.

    Parameters
    ----------
    dies_after
        How many records are kept first; ``None`` for all that come.
    """

    def __init__(self, dies_after: int | None = None) -> None:
        self.dies_after = dies_after
        self.records: list[Record] = []

    @property
    def checkpoint(self) -> Checkpoint:
        """What a fit is given: it goes on from the last record."""
        return Checkpoint(load=lambda: self.records[-1] if self.records else None, save=self._save)

    def _save(self, record: Record) -> None:
        self.records.append(stored(record))
        if len(self.records) == self.dies_after:
            raise KilledError
