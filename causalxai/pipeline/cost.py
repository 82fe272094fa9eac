"""What a stage cost: time, and questions to the oracle."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch

if TYPE_CHECKING:
    from causalxai.oracle import QueryLedger


@dataclass(frozen=True)
class Cost:
    """What a result cost when it was computed.

    Parameters
    ----------
    seconds
        By the clock, so that they depend on the machine and on what else it did.
    calls, answers
        The oracle's queries, and the pairs of an intervention and a unit that it answered.
    threads
        On how many CPU threads it was computed, each number once; rounding depends on it.
    """

    seconds: float = 0.0
    calls: int = 0
    answers: int = 0
    threads: tuple[int, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.seconds + other.seconds,
            self.calls + other.calls,
            self.answers + other.answers,
            tuple(sorted({*self.threads, *other.threads})),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``dataclasses.asdict``."""
        return cls(**{**data, "threads": tuple(data.get("threads", ()))})


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
