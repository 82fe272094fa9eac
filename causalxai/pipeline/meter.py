"""Measures what a stage costs while it is computed."""

from __future__ import annotations

import time

import torch

from causalxai.oracle import QueryLedger
from causalxai.storage.cost import Cost


class Meter:
    """Reads what a stage has cost since the meter was made.

    Parameters
    ----------
    before
        What was spent already: up to the checkpoint that the stage goes on from.
    ledger
        The oracle's, where there is an oracle.
    """

    def __init__(self, before: Cost, ledger: QueryLedger | None) -> None:
        self._before = before
        self._ledger = ledger
        self._started = time.monotonic()
        self._asked = (ledger.calls, ledger.answers) if ledger else (0, 0)

    def read(self) -> Cost:
        """Return the cost so far."""
        calls, answers = self._asked
        ledger = self._ledger
        spent = Cost(
            time.monotonic() - self._started,
            ledger.calls - calls if ledger else 0,
            ledger.answers - answers if ledger else 0,
            (torch.get_num_threads(),),
        )
        return self._before + spent
