"""Families of cases, each of which attacks one promise of docs/trust.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Check: TypeAlias = Callable[[Path], str | None]
"""Attacks a promise; it may write into the empty folder that it gets.

Any exception means that the promise is broken. The returned text, if any, is a measured number
that is printed, such as the coverage of an interval."""


@dataclass(frozen=True)
class Case:
    """One attack.

    Parameters
    ----------
    name
        Its name, unique in its family.
    check
        The attack.
    quick
        Whether it is part of the default test suite, where it should take a second or two.
    seconds
        The time after which it counts as failed.
    """

    name: str
    check: Check
    quick: bool = False
    seconds: float = 300.0


@dataclass(frozen=True)
class Family:
    """Cases that attack the same promise.

    Parameters
    ----------
    name
        Its name, as in ``python -m tests.trust NAME``.
    promise
        The promise, one plain sentence for docs/trust.md.
    cases
        Returns the cases. They are made anew in each process.
    """

    name: str
    promise: str
    cases: Callable[[], Iterable[Case]]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one case: ``fault`` is empty if the promise held."""

    case: str
    fault: str = ""
    measured: str = ""
    seconds: float = 0.0
