"""A comparison as one HTML page."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from causalxai.comparison.concept_figure import draw_concepts
from causalxai.comparison.exhibits import exhibits
from causalxai.comparison.gallery import gallery
from causalxai.comparison.outcome import FIT, Entry
from causalxai.comparison.score_grid import (
    Grid,
    Line,
    Score,
    count,
    fit_of,
    interval,
    number,
    seconds,
    shared_scores,
    told,
)
from causalxai.report.page import page_environment
from causalxai.spec.vary import Label

if TYPE_CHECKING:
    from causalxai.comparison.comparison import Comparison


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
    differences = _by_metric(comparison.differences()) if contrast else {}
    shared, single = shared_scores(comparison)
    shown = exhibits(comparison)
    graph_of = next((one for one in shown if one.has_concept_graph), None)
    environment = page_environment("causalxai.comparison")
    environment.filters["number"] = number
    return environment.get_template("comparison.html").render(
        comparison=comparison,
        lead=_lead(comparison),
        contrast=contrast,
        graph_of=graph_of,
        drawing=graph_of and Markup(draw_concepts(graph_of.graph).svg),  # noqa: S704
        gallery=gallery(shown),
        scores=shared,
        single=single,
        fit=fit_of(comparison),
        ranks=_rank_grid(comparison) if contrast else None,
        differences={
            metric: [_difference(row) for row in rows]
            for metric, rows in differences.items()
            if not metric.startswith(FIT)
        },
        runs=[_run_line(comparison, entry, beside) for entry in comparison.entries],
        replicates=any(pooled.interval == "replicates"),
    )


def _lead(comparison: Comparison) -> str:
    """Say in one sentence what explains what, where all runs explain the same."""
    specs = [entry.cell.spec for entry in comparison.entries]
    if len({(str(spec.dataset), str(spec.classifier), str(spec.images)) for spec in specs}) != 1:
        return ""
    contrast = comparison.contrast
    axis = next((axis for axis in comparison.axes if axis.name == contrast == "method"), None)
    if axis is None or len(axis.controls) == len(axis.labels):
        return ""
    methods = [str(label) for label in axis.labels if label not in axis.controls]
    controls = [str(label) for label in axis.labels if label in axis.controls]
    classifier, dataset = specs[0].classifier.provenance.name, specs[0].dataset.provenance.name
    beside = f", beside the controls {_listed(controls)}" if controls else ""
    return (
        f"{_listed(methods)} explain one classifier ({classifier}, trained on {dataset}){beside}."
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


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
        lines.append(Line(told([axis], [label]), label in axis.controls, scores))
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
        interval=interval(row) if has_interval else row.note,
        is_clear=has_interval and not row.low <= 0 <= row.high,
        pairs=str(row.n),
        wins="" if pd.isna(row.wins) else f"{row.wins:.0%}",
    )


def _run_line(comparison: Comparison, entry: Entry, beside: Path) -> RunLine:
    cost, directory = entry.cost, entry.outcome.directory
    link = "" if directory is None else _relative(directory / "report.html", beside)
    return RunLine(
        told(comparison.axes, entry.cell.labels.values()) or (entry.cell.spec.name,),
        entry.cell.control,
        link,
        entry.outcome.reason,
        seconds(None if cost is None else cost.seconds),
        count(None if cost is None else cost.answers),
    )


def _relative(path: Path, beside: Path) -> str:
    return quote(Path(os.path.relpath(path, beside)).as_posix())
