"""The scores of a comparison by one metric, drawn as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalxai.comparison.rows import RowKind
from causalxai.errors import did_you_mean
from causalxai.report.axes import new_axes
from causalxai.report.plots import CATEGORIES, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONTROL = "#b8c0c8"
_ROW = 0.34


def plot_scores(
    scores: pd.DataFrame, names: Sequence[str], metric: str | None, axes: Axes | None
) -> Axes:
    """Draw the scores by a metric, as ``Comparison.plot`` does.

    Parameters
    ----------
    scores
        Pooled scores.
    names
        The columns that tell its rows apart.
    metric
        The metric; the first one unless given.
    axes
        The axes to draw on; those of a new figure unless given.
    """
    known = list(dict.fromkeys(scores.metric))
    if metric is None and known:
        metric = known[0]
    if metric not in known:
        hint = did_you_mean(str(metric), known)
        raise ValueError(f"there are no scores of {metric!r}{hint} (metrics: {', '.join(known)})")
    mine = scores[(scores.metric == metric) & scores.value.notna()]
    shown = mine[mine.kind == RowKind.SCORE]
    places = np.arange(len(shown))
    axes = axes or new_axes(5.5, 0.9 + _ROW * len(shown))
    axes.barh(places, shown.value, color=np.where(shown.control, _CONTROL, CATEGORIES[0]))
    ends = np.array([shown.value - shown.low, shown.high - shown.value], dtype=float)
    axes.errorbar(
        shown.value, places, xerr=np.nan_to_num(ends).clip(min=0), fmt="none", ecolor=INK, capsize=2
    )
    chances = mine[mine.kind == RowKind.CHANCE]
    for place, (_, score) in enumerate(shown.iterrows()):
        alike = chances[(chances[list(names)] == score[list(names)]).all(axis=1)]
        for chance in alike.value:
            axes.plot([chance] * 2, [place - 0.4, place + 0.4], color=INK, linestyle=":")
    labels = [", ".join(map(str, row)) for row in shown[list(names)].itertuples(index=False)]
    axes.set_yticks(places, labels, parse_math=False)
    axes.invert_yaxis()
    better = shown.higher_is_better.iloc[0] if len(shown) else None
    arrow = "" if pd.isna(better) else " ↑" if better else " ↓"
    axes.set_xlabel(f"{metric}{arrow}, with 95 % intervals; dotted: chance; grey: controls")
    return axes
