"""Measures the cost of a stage while it is computed."""

from __future__ import annotations

import time

import torch

from causalxai.oracle import QueryLedger
from causalxai.storage.cost import Cost


class Meter:
    """Measures the cost of a stage since the meter was made.

    Parameters
    ----------
    before
        The cost up to the checkpoint from which the stage continues.
    ledger
        The oracle's ledger, if there is an oracle.
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
