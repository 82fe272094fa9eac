"""The pooled scores of a comparison as a table for a paper."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from causalxai.comparison.formatting import interval, label_texts, number
from causalxai.comparison.rows import RowKind
from causalxai.comparison.stars import starred
from causalxai.config.vary import Axis
from causalxai.report.export import escaped


def latex_table(pooled: pd.DataFrame, axes: Sequence[Axis], contrast: str | None) -> str:
    """Return a table with a row for each label and a column for each metric.

    Parameters
    ----------
    pooled
        ``Comparison.scores``.
    axes
        The axes in it.
    contrast
        The axis whose labels are compared.
    """
    names = [axis.name for axis in axes]
    own = pooled[pooled.kind == RowKind.SCORE]
    metrics = list(dict.fromkeys(own.metric))
    best = starred(pooled, names, contrast)
    methods: list[str] = []
    controls: list[str] = []
    for key, group in own.groupby([*names, "control"], sort=False):
        cells = [_cell(group[group.metric == one], (key[:-1], one) in best) for one in metrics]
        line = _line([*map(escaped, label_texts(axes, key[:-1])), *cells])
        (controls if key[-1] else methods).append(line)
    chance = [_chance(pooled[pooled.metric == metric]) for metric in metrics]
    if any(chance):
        controls.append(_line(["chance", *[""] * (len(names) - 1), *chance]))
    heads = [escaped(metric) + _arrow(own[own.metric == metric]) for metric in metrics]
    below = [r"\midrule", *controls] if controls else []
    return "\n".join([
        rf"\begin{{tabular}}{{{'l' * max(1, len(names))}{'r' * len(metrics)}}}", r"\toprule",
        _line([*map(escaped, names), *heads]), r"\midrule", *methods, *below, r"\bottomrule",
        r"\end{tabular}", "",
    ])  # fmt: skip


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(rows: pd.DataFrame, best: bool) -> str:
    if rows.empty or pd.isna(rows.value.iloc[0]):
        return "--"
    row = rows.iloc[0]
    value = _minus(number(row.value))
    ends = _minus(interval(row))
    return (rf"\textbf{{{value}}}" if best else value) + (rf" {{\scriptsize {ends}}}" * bool(ends))


def _chance(rows: pd.DataFrame) -> str:
    """Return the chance level, or from where to where those of the rows go."""
    found = rows[rows.kind == RowKind.CHANCE].value.dropna()
    ends = list(dict.fromkeys(_minus(number(end)) for end in (found.min(), found.max())))
    return " to ".join(ends) if len(found) else ""


def _arrow(rows: pd.DataFrame) -> str:
    higher = rows.higher_is_better.iloc[0]
    if pd.isna(higher):
        return ""
    return r" $\uparrow$" if higher else r" $\downarrow$"


def _minus(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "$-$")
