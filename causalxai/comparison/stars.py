"""Stars: the best of comparable scores, where they beat chance and every control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from causalxai.comparison.comparable import comparable_groups, direction
from causalxai.comparison.rows import RowKind
from causalxai.comparison.statistics import rounded
from causalxai.config.vary import Label
from causalxai.metric import Estimate
from causalxai.report.rivals import is_beyond


def starred(
    pooled: pd.DataFrame, names: Sequence[str], contrast: str | None
) -> set[tuple[tuple[Label, ...], str]]:
    """Return the labels and the metrics of the scores that have a star.

    A star stands at the best of two or more comparable scores of methods, if its 95 % interval lies
    wholly on the better side of chance, of the metric's own controls, and of all runs that are
    controls, with their intervals. A control counts even if it is not comparable with the score.

    Parameters
    ----------
    pooled
        ``Comparison.pooled``.
    names
        The axes in it.
    contrast
        The axis whose labels are compared.
    """
    block = [name for name in names if name != contrast]
    found: set[tuple[tuple[Label, ...], str]] = set()
    for _, group in comparable_groups(pooled, block):
        higher, methods = direction(group), group[~group.control.astype(bool)]
        if higher is None or len(methods) < 2:
            continue
        values = methods.value.map(rounded)
        most = values.max() if higher else values.min()
        for row in methods[values == most].to_dict("records"):
            rivals = _rivals(pooled, row, names, block)
            own = _estimate(row)
            if all(is_beyond(own, _estimate(one), higher_is_better=higher) for one in rivals):
                found.add((tuple(row[name] for name in names), str(row["metric"])))
    return found


def _estimate(row: Mapping[Any, Any]) -> Estimate:
    low, high = (None if pd.isna(row[end]) else row[end] for end in ("low", "high"))
    return Estimate(row["value"], low, high)


def _rivals(
    pooled: pd.DataFrame, score: Mapping[Any, Any], names: Sequence[str], block: Sequence[str]
) -> Iterator[Mapping[Any, Any]]:
    """Yield chance and the controls that a score has to beat."""
    known = pooled[(pooled.metric == score["metric"]) & pooled.value.notna()]
    for row in known.to_dict("records"):
        own = all(row[name] == score[name] for name in names)
        beside = all(row[name] == score[name] for name in block)
        is_control = beside and row["control"] and row["kind"] == RowKind.SCORE
        if is_control or (own and row["kind"] in (RowKind.CHANCE, RowKind.CONTROL)):
            yield row
