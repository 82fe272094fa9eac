"""The cost of a stage: time, and questions to the oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Cost:
    """The cost of a result when it was computed.

    Parameters
    ----------
    seconds
        Elapsed time, which depends on the machine and its load.
    calls, answers
        The queries to the oracle, and the pairs of intervention and unit that it answered.
    threads
        The numbers of CPU threads that were used; rounding depends on them.
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
        """Read the form that ``dataclasses.asdict`` returns.

        Raises
        ------
        TypeError, ValueError
            If a field is unknown or has another type.
        """
        cost = cls(**{**data, "threads": tuple(data.get("threads", ()))})
        if not math.isfinite(cost.seconds):
            raise ValueError(f"seconds must be finite, not {cost.seconds}")
        if any(type(count) is not int for count in (cost.calls, cost.answers, *cost.threads)):
            raise TypeError("calls, answers and threads must be integers")
        return cost
