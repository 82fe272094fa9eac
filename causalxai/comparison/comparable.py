"""Comparability: scores of one metric, from the same attribution space, on the same concepts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import pandas as pd

from causalxai.comparison.rows import Row, RowKind
from causalxai.comparison.statistics import mean_of, paired_difference, ranks
from causalxai.config.vary import Label

COMPARABLE_BY: tuple[str, ...] = ("metric", "vocabulary", "read")
"""The columns in which comparable scores agree."""


def comparable_groups(
    scores: pd.DataFrame, apart: Sequence[str]
) -> Iterator[tuple[Row, pd.DataFrame]]:
    """Yield comparable scores, group by group. Comparability is decided here alone.

    Parameters
    ----------
    scores
        ``Comparison.table`` or ``Comparison.pooled``; rows without a value are left out.
    apart
        The axes whose labels separate groups.

    Yields
    ------
    tuple
        The columns in which the group agrees, with their values, and its rows.
    """
    own = scores[(scores.kind == RowKind.SCORE) & scores.value.notna()]
    by = [*apart, *COMPARABLE_BY]
    for key, group in own.groupby(by, sort=False):
        yield dict(zip(by, key, strict=True)), group


def direction(group: pd.DataFrame) -> bool | None:
    """Return whether higher is better in a group; ``None`` for a metric that only describes."""
    direction = group.higher_is_better.iloc[0]
    return None if pd.isna(direction) else bool(direction)


def difference_rows(
    group: pd.DataFrame, axis: str, labels: Sequence[Label], others: Sequence[str]
) -> Iterator[Row]:
    """Yield the differences between the labels of an axis in a group, for each pair of labels.

    Parameters
    ----------
    group
        Comparable scores.
    axis, labels
        The axis whose labels are compared, and the labels in order.
    others
        The axes in which paired runs agree.
    """
    higher, rounds = direction(group), _rounds(group, axis, others)
    there = [label for label in labels if any(label in scores for scores in rounds)]
    for first, second in combinations(there, 2):
        pairs = [(each[first], each[second]) for each in rounds if {first, second} <= each.keys()]
        row: Row = {"first": first, "second": second, "n": len(pairs)}
        if not pairs:
            yield {**row, "note": "no pair of runs has both"}
            continue
        found = paired_difference(*zip(*pairs, strict=True), higher_is_better=higher)
        mean = found.mean
        alone = "a single pair: no interval" if len(pairs) == 1 else "all alike: no interval"
        yield {
            **row,
            "value": mean.value,
            "low": mean.low,
            "high": mean.high,
            "wins": found.wins,
            "note": alone if mean.low is None else "",
        }


def rank_rows(
    group: pd.DataFrame, axis: str, labels: Sequence[Label], others: Sequence[str]
) -> Iterator[Row]:
    """Yield the mean ranks of the labels of an axis, over the rankings that have all of them."""
    higher, rounds = direction(group), _rounds(group, axis, others)
    there = {label for scores in rounds for label in scores}
    if higher is None or len(there) < 2:
        return
    ranked: dict[Label, list[float]] = defaultdict(list)
    for scores in rounds:
        if scores.keys() == there:
            for label, rank in ranks(scores, higher_is_better=higher).items():
                ranked[label].append(rank)
    for label in labels:
        if own := ranked.get(label):
            yield {axis: label, "rank": mean_of(own).value, "n": len(own)}


def _rounds(group: pd.DataFrame, axis: str, others: Sequence[str]) -> list[dict[Label, float]]:
    """Return the scores by label of runs that agree in all other axes."""
    rounds: dict[tuple[Label, ...], dict[Label, float]] = defaultdict(dict)
    for row in group.to_dict("records"):
        rounds[tuple(row[name] for name in others)][row[axis]] = row["value"]
    return list(rounds.values())
