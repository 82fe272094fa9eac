"""What a stage cost: time, and questions to the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


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
