"""A comparison as one HTML page."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd

from causalxai.comparison.outcome import FIT, Entry
from causalxai.report.page import page_environment
from causalxai.spec.vary import Axis, Label

if TYPE_CHECKING:
    from causalxai.comparison.comparison import Comparison


@dataclass(frozen=True)
class Score:
    """A cell of the page's tables."""

    value: str = ""
    interval: str = ""
    beneath: tuple[str, ...] = ()
    """Chance, controls and what is missing, a line each."""
    best: bool = False


@dataclass(frozen=True)
class Line:
    """A row of the page's tables: one label of each axis, and what was found under them."""

    labels: tuple[str, ...]
    control: bool
    scores: tuple[Score, ...]
    seconds: str = ""
    answers: str = ""


@dataclass(frozen=True)
class Grid:
    """A table of the page: axes' labels down, metrics across."""

    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class DifferenceLine:
    """How much one label scores above another; ``is_clear`` where the interval leaves out 0."""

    pair: tuple[Label, Label]
    value: str
    interval: str
    is_clear: bool
    pairs: str
    wins: str


@dataclass(frozen=True)
class RunLine:
    """A run, where its report is, and what it cost."""

    labels: tuple[str, ...]
    control: bool
    link: str
    reason: str
    seconds: str
    answers: str


def render_comparison(comparison: Comparison, beside: Path) -> str:
    """Return the page; links to the runs' reports lead from the folder ``beside``."""
    contrast = comparison.contrast
    pooled = comparison.pooled()
    is_fit = pooled.metric.str.startswith(FIT)
    differences = _by_metric(comparison.differences()) if contrast else {}
    return (
        page_environment("causalxai.comparison")
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            contrast=contrast,
            scores=score_grid(comparison),
            fit=_grid(comparison, pooled[is_fit]),
            ranks=_rank_grid(comparison) if contrast else None,
            differences={
                metric: [_difference(row) for row in rows]
                for metric, rows in differences.items()
                if not metric.startswith(FIT)
            },
            runs=[_run_line(comparison, entry, beside) for entry in comparison.entries],
            replicates=any(pooled.interval == "replicates"),
        )
    )


def score_grid(comparison: Comparison) -> Grid:
    """Return the pooled scores, without what concept spaces say of their fit."""
    pooled = comparison.pooled()
    is_score = ~pooled.metric.str.startswith(FIT) & (pooled.metric != "")
    return _grid(comparison, pooled[is_score])


def number(value: float | None) -> str:
    """Return a figure as the page shows it: three decimals, or three digits where these lie."""
    if value is None or pd.isna(value):
        return ""
    told = f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.3g}"
    return told.replace("-", "\N{MINUS SIGN}")


def _grid(comparison: Comparison, pooled: pd.DataFrame) -> Grid:
    metrics = list(dict.fromkeys(pooled.metric))
    arrows = dict(zip(pooled.metric, map(_arrow, pooled.higher_is_better), strict=True))
    axes = [axis for axis in comparison.axes if axis.name in pooled.columns]
    names = [axis.name for axis in axes]
    best = _best(pooled, [name for name in names if name != comparison.contrast])
    lines = []
    for key, group in pooled.groupby([*names, "control"], sort=False):
        scores = tuple(_score(group[group.metric == metric], best) for metric in metrics)
        cost = number(group.seconds.iloc[0]), _count(group.answers.iloc[0])
        lines.append(Line(_told(axes, key[:-1]), bool(key[-1]), scores, *cost))
    headings = tuple(f"{metric} {arrows[metric]}".strip() for metric in metrics)
    return Grid(tuple(names), headings, tuple(lines))


def _told(axes: Iterable[Axis], labels: Iterable[Label]) -> tuple[str, ...]:
    """Return labels in words; those that are controls say so."""
    pairs = zip(axes, labels, strict=True)
    return tuple(
        f"{label} (control)" if label in axis.controls else f"{label}" for axis, label in pairs
    )


def _best(pooled: pd.DataFrame, block: list[str]) -> set[int]:
    """Return which rows are the best of their metric and block; controls do not compete."""
    competing = pooled[(pooled.part == "") & ~pooled.control.astype(bool) & pooled.value.notna()]
    found: set[int] = set()
    for _, group in competing.groupby([*block, "metric"], sort=False):
        direction = group.higher_is_better.iloc[0]
        if len(group) > 1 and not pd.isna(direction):
            top = group.value.max() if direction else group.value.min()
            found |= set(group.index[group.value == top])
    return found


def _score(rows: pd.DataFrame, best: set[int]) -> Score:
    own = rows[rows.part == ""]
    if own.empty:
        return Score()
    row = own.iloc[0]
    beneath = [
        f"{part} {number(value)}"
        for part, value in zip(rows.part, rows.value, strict=True)
        if part == "chance" or part.startswith("control: ")
    ]
    if row.missing:
        of_all = "" if row.n == 0 else f"{int(row.missing)} of {int(row.n + row.missing)} without: "
        beneath.append(of_all + row.reason)
    return Score(number(row.value), _interval(row), tuple(beneath), own.index[0] in best)


def _interval(row: Any) -> str:
    if row.low is None or pd.isna(row.low):
        return ""
    return f"[{number(row.low)}, {number(row.high)}]"


def _rank_grid(comparison: Comparison) -> Grid:
    ranks = comparison.ranks()
    metrics = tuple(dict.fromkeys(ranks.metric))
    (axis,) = [axis for axis in comparison.axes if axis.name == comparison.contrast]
    lines = []
    for label in axis.labels:
        own = ranks[ranks[axis.name] == label].set_index("metric")
        scores = tuple(
            Score(f"{own['rank'][metric]:.2f}", beneath=(f"n = {own['n'][metric]}",))
            if metric in own.index
            else Score()
            for metric in metrics
        )
        lines.append(Line(_told([axis], [label]), label in axis.controls, scores))
    return Grid((axis.name,), metrics, tuple(lines))


def _by_metric(differences: pd.DataFrame) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in differences.itertuples():
        found[str(row.metric)].append(row)
    return dict(found)


def _difference(row: Any) -> DifferenceLine:
    has_interval = not pd.isna(row.low)
    return DifferenceLine(
        pair=(row.first, row.second),
        value=number(row.value),
        interval=_interval(row) if has_interval else row.note,
        is_clear=has_interval and not row.low <= 0 <= row.high,
        pairs=str(row.n),
        wins="" if pd.isna(row.wins) else f"{row.wins:.0%}",
    )


def _run_line(comparison: Comparison, entry: Entry, beside: Path) -> RunLine:
    cost, directory = entry.cost, entry.outcome.directory
    link = "" if directory is None else _relative(directory / "report.html", beside)
    return RunLine(
        _told(comparison.axes, entry.cell.labels.values()) or (entry.cell.spec.name,),
        entry.cell.control,
        link,
        entry.outcome.reason,
        number(None if cost is None else cost.seconds),
        _count(None if cost is None else cost.answers),
    )


def _relative(path: Path, beside: Path) -> str:
    return quote(Path(os.path.relpath(path, beside)).as_posix())


def _count(value: float | None) -> str:
    return "" if value is None or pd.isna(value) else f"{value:,.0f}".replace(",", " ")


def _arrow(higher_is_better: Any) -> str:
    if higher_is_better is None or pd.isna(higher_is_better):
        return ""
    return "↑" if higher_is_better else "↓"
