"""Bars of scores: the value, its interval and chance, on one scale for each metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from causalxai.comparison.rows import RowKind


@dataclass(frozen=True)
class Bar:
    """Where things are on the scale of a metric, in percent of its length.

    Parameters
    ----------
    start, length
        The bar from 0, or from the end of the scale that is nearest to it, to the value.
    value
        The value.
    low, high
        The ends of its interval; ``None`` if it has none.
    chance
        The chance level; ``None`` if it has none.
    """

    start: float
    length: float
    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None


@dataclass(frozen=True)
class Scale:
    """The scale of a metric: all values, intervals and chance levels, and 0, lie on it."""

    least: float
    most: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Scale:
        """Return the scale of the rows of one metric in a table of pooled scores."""
        shown = rows[rows.kind.isin([RowKind.SCORE, RowKind.CHANCE])]
        ends = pd.concat([shown.value, shown.low, shown.high]).dropna()
        return cls(min(0.0, *ends), max(0.0, *ends)) if len(ends) else cls(0.0, 0.0)

    def bar(self, score: Mapping[str, Any], chance: float | None) -> Bar | None:
        """Return the bar of a score; ``None`` if it has no value, or all values are alike."""
        if self.most <= self.least or pd.isna(score["value"]):
            return None
        value, origin = self._at(score["value"]), self._at(0.0)
        low, high = (
            None if pd.isna(score[end]) else round(self._at(score[end]), 1)
            for end in ("low", "high")
        )
        return Bar(
            round(min(value, origin), 1),
            round(abs(value - origin), 1),
            round(value, 1),
            low,
            high,
            None if chance is None or pd.isna(chance) else round(self._at(chance), 1),
        )

    def _at(self, value: float) -> float:
        return 100 * (value - self.least) / (self.most - self.least)
