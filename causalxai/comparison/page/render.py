"""Renders a comparison as one HTML page."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import pandas as pd

from causalxai.comparison.comparable import COMPARABLE_BY
from causalxai.comparison.formatting import count, interval, label_texts, listed, number, seconds
from causalxai.comparison.page.findings import findings
from causalxai.comparison.page.gallery import gallery
from causalxai.comparison.page.saved_results import SavedResult, saved_results
from causalxai.comparison.page.score_table import Line, Score, ScoreTable, fit_of, shared_scores
from causalxai.comparison.result import Comparison
from causalxai.comparison.rows import Entry
from causalxai.config import ResolvedSpec
from causalxai.config.vary import Label
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.page import embedded, page_environment

_IN_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class DifferenceLine:
    """The difference between two labels; ``is_clear`` if the interval does not contain 0.

    ``among`` says which runs are compared, if several groups are kept separate.
    """

    among: str
    pair: tuple[Label, Label]
    value: str
    interval: str
    is_clear: bool
    pairs: str
    wins: str


@dataclass(frozen=True)
class RunLine:
    """A run with a link to its report, and its cost."""

    labels: tuple[str, ...]
    control: bool
    link: str
    reason: str
    seconds: str
    answers: str


@dataclass(frozen=True)
class PageParts:
    """What the page and its summary have in common.

    Parameters
    ----------
    shared, single
        As ``shared_scores`` returns them.
    results
        As ``saved_results`` returns them.
    """

    shared: ScoreTable
    single: ScoreTable
    results: Sequence[SavedResult]

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """Return the parts of a comparison's page."""
        return cls(*shared_scores(comparison), saved_results(comparison))


def render_comparison(
    comparison: Comparison, beside: Path | None = None, parts: PageParts | None = None
) -> str:
    """Return the page, which needs no other file.

    Parameters
    ----------
    comparison
        A finished comparison.
    beside
        The folder to which links to the runs' reports are relative; ``comparison.directory`` by
        default.
    parts
        Its parts, where they are known already.
    """
    folder = beside or comparison.directory
    contrast = comparison.contrast
    parts = parts or PageParts.of(comparison)
    shared, single, shown = parts.shared, parts.single, parts.results
    graph_of = next((one for one in shown if one.has_concept_graph), None)
    graph = None if graph_of is None else graph_of.graph
    drawing = None if graph is None else draw_graph(graph, isolated=False)
    environment = page_environment("causalxai.comparison.page")
    environment.filters["number"] = number
    environment.filters["embed"] = embedded
    return environment.get_template("comparison.html").render(
        comparison=comparison,
        findings=findings(comparison, shared, _lead(comparison)),
        contrast=contrast,
        block=shown[0].block if shown else "",
        graph_of=graph_of,
        drawing=drawing,
        gallery=gallery(shown),
        scores=shared,
        single=single,
        fit=fit_of(comparison),
        reading_notes=comparison.reading_notes,
        ranks=_rank_table(comparison) if contrast else None,
        differences=_difference_lines(comparison) if contrast else {},
        runs=[_run_line(comparison, entry, folder) for entry in comparison.entries],
        links=_links(comparison, folder),
        latex=comparison.to_latex(),
        replicates=any(comparison.pooled().interval == "replicates"),
    )


def render_summary(comparison: Comparison, parts: PageParts | None = None) -> str:
    """Return the images and the scores as a fragment of HTML, which needs no other file.

    Parameters
    ----------
    comparison, parts
        As for ``render_comparison``.
    """
    environment = page_environment("causalxai.comparison.page")
    parts = parts or PageParts.of(comparison)
    return environment.get_template("comparison_summary.html").render(
        comparison=comparison,
        findings=findings(comparison, parts.shared, _lead(comparison)),
        gallery=gallery(parts.results),
        scores=parts.shared,
    )


def _lead(comparison: Comparison) -> str:
    """Return one sentence on what explains what, if all runs explain the same classifier.

    It is empty if not, and if all runs failed: the classifier may be the reason.
    """
    specs = [entry.cell.spec for entry in comparison.entries]
    if len(comparison.failures()) == len(specs):
        return ""
    if len({(str(spec.dataset), str(spec.classifier), str(spec.images)) for spec in specs}) != 1:
        return ""
    contrast = comparison.contrast
    axis = next((axis for axis in comparison.axes if axis.name == contrast == "method"), None)
    if axis is None or len(axis.controls) == len(axis.labels):
        return ""
    methods = [str(label) for label in axis.labels if label not in axis.controls]
    controls = [str(label) for label in axis.labels if label in axis.controls]
    several = "control" if len(controls) == 1 else "controls"
    beside = f", beside the {several} {listed(controls)}" if controls else ""
    explain = "explains" if len(methods) == 1 else "explain"
    return f"{listed(methods)} {explain} {_explained(specs)}{beside}."


def _explained(specs: Sequence[ResolvedSpec]) -> str:
    """Return in words what runs explain that differ in their methods and seeds alone."""
    source, dataset = specs[0].classifier, specs[0].dataset.provenance.name
    classifier = source.provenance.name
    if not source.build().trains:
        return f"{classifier} (not trained here) on {dataset}"
    trainings = len({spec.seed for spec in specs})
    what = "one classifier"
    if trainings > 1:
        times = _IN_WORDS[trainings] if trainings < len(_IN_WORDS) else str(trainings)
        what = f"{times} trainings of one architecture"
    return f"{what} ({classifier}, trained on {dataset})"


def _rank_table(comparison: Comparison) -> ScoreTable:
    ranks = comparison.ranks()
    (axis,) = [axis for axis in comparison.axes if axis.name == comparison.contrast]
    several = _asked_in_several_ways(ranks)
    groups = {
        " · ".join((metric, *filter(None, (read, vocabulary))))
        if metric in several
        else metric: own
        for (metric, vocabulary, read), own in ranks.groupby([*COMPARABLE_BY], sort=False)
    }
    lines = []
    for label in axis.labels:
        scores = tuple(_rank(group[group[axis.name] == label]) for group in groups.values())
        lines.append(Line(label_texts([axis], [label]), label in axis.controls, scores))
    return ScoreTable((axis.name,), tuple(groups), tuple(lines), alike=("",) * len(groups))


def _asked_in_several_ways(rows: pd.DataFrame) -> set[str]:
    """Return the metrics whose scores are not all comparable with one another."""
    ways = rows[[*COMPARABLE_BY]].drop_duplicates().metric.value_counts()
    return set(ways[ways > 1].index)


def _rank(own: pd.DataFrame) -> Score:
    if own.empty:
        return Score()
    row = own.iloc[0]
    return Score(f"{row['rank']:.2f}", beneath=(f"n = {row['n']}",))


def _difference_lines(comparison: Comparison) -> dict[str, list[DifferenceLine]]:
    """Return the differences by metric."""
    found: dict[str, list[DifferenceLine]] = defaultdict(list)
    names = [axis.name for axis in comparison.axes]
    differences = comparison.differences()
    several = _asked_in_several_ways(differences)
    for row in differences.to_dict("records"):
        metric = row["metric"]
        among = [f"{name}: {row[name]}" for name in names if name in row]
        about = filter(None, (row["read"], row["vocabulary"])) if metric in several else ()
        found[metric].append(_difference(pd.Series(row), " · ".join([*among, *about])))
    return dict(found)


def _difference(row: Any, among: str) -> DifferenceLine:
    has_interval = not pd.isna(row.low)
    return DifferenceLine(
        among=among,
        pair=(row["first"], row["second"]),
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
        label_texts(comparison.axes, entry.cell.labels.values()) or (entry.cell.spec.name,),
        entry.cell.control,
        link,
        entry.outcome.reason,
        seconds(None if cost is None else cost.seconds),
        count(None if cost is None else cost.answers),
    )


@dataclass(frozen=True)
class _Link:
    """A link to the report of a run of a row."""

    text: str
    link: str


def _links(comparison: Comparison, beside: Path) -> dict[tuple[str, ...], list[_Link]]:
    """Return the links to the reports of the runs that each row of the scores pools."""
    kept = [axis for axis in comparison.axes if axis.name in comparison.scores.columns]
    found: dict[tuple[str, ...], list[_Link]] = defaultdict(list)
    for entry in comparison.entries:
        if entry.outcome.directory is None:
            continue
        labels = entry.cell.labels
        row = label_texts(kept, [labels[axis.name] for axis in kept])
        others = [f"{name} {at}" for name, at in labels.items() if name not in comparison.scores]
        link = _relative(entry.outcome.directory / "report.html", beside)
        found[row].append(_Link(", ".join(others) or "report", link))
    return dict(found)


def _relative(path: Path, beside: Path) -> str:
    return quote(Path(os.path.relpath(path, beside)).as_posix())
