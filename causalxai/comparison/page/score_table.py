"""The table of scores: a row for each label, a column for each metric, with marks and notes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalxai.comparison.formatting import (
    arrow,
    count,
    interval,
    label_texts,
    number,
    seconds,
)
from causalxai.comparison.page.bars import Bar, Scale
from causalxai.comparison.page.control_warnings import ControlWarning, control_warnings
from causalxai.comparison.page.score_provenance import (
    Place,
    ScoreProvenance,
    score_provenances,
)
from causalxai.comparison.rows import RowKind
from causalxai.comparison.stars import starred
from causalxai.config.vary import Axis, Label

if TYPE_CHECKING:
    from causalxai.comparison.result import Comparison

OTHER_CONCEPTS, READ_OTHERWISE, TRANSLATED = "†", "‡", "◇"
"""Marks of scores: about other concepts than most scores; from another attribution space than most
scores; and of a translated explanation."""

_SHORT = 30


@dataclass(frozen=True)
class Score:
    """A cell of the page's tables.

    Parameters
    ----------
    value, interval
        The score; empty if there is none.
    beneath
        Lines below the score: the chance level, unless all rows share it, and a short reason if
        there is no score.
    controls
        A line for each control of the metric.
    best
        Whether it is the best of the comparable scores, and beats chance and every control.
    marks
        Marks that restrict its comparability.
    warnings
        Controls that score at least as well.
    note
        The number of the note that says why there is no score, or what was left out; 0 for none.
    plain
        The score as a number, by which tables are sorted; ``None`` if there is none.
    bar
        The score as a bar; ``None`` if it cannot be drawn.
    """

    value: str = ""
    interval: str = ""
    beneath: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    best: bool = False
    marks: str = ""
    warnings: tuple[str, ...] = ()
    note: int = 0
    plain: float | None = None
    bar: Bar | None = None


@dataclass(frozen=True)
class Line:
    """A row of the page's tables: one label of each axis, and the cells of its runs."""

    labels: tuple[str, ...]
    control: bool
    scores: tuple[Score, ...]
    seconds: str = ""
    answers: str = ""
    concepts: str = ""
    """The concepts that its metrics are about, if the rows differ in that."""


@dataclass(frozen=True)
class MetricColumn:
    """What a column of scores is of.

    Parameters
    ----------
    name
        The metric.
    is_directed
        Whether higher or lower is better; otherwise it describes, and no score is the best.
    """

    name: str
    is_directed: bool


@dataclass(frozen=True)
class ScoreTable:
    """A table of the page.

    Parameters
    ----------
    axes, metrics
        The headings.
    lines
        The rows.
    notes
        Reasons, numbered from 1.
    control_warnings
        Controls that score at least as well as methods.
    marks
        The marks that occur.
    alike
        For each metric, the chance level that all of its scores share; empty if they differ.
    columns
        For each metric, what its heading says, as data; empty if the columns are no metrics.
    """

    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    control_warnings: tuple[ControlWarning, ...] = ()
    marks: frozenset[str] = frozenset()
    alike: tuple[str, ...] = ()
    columns: tuple[MetricColumn, ...] = ()

    @property
    def has_controls(self) -> bool:
        """Whether any score has controls of its own."""
        return any(score.controls for line in self.lines for score in line.scores)


def score_table(comparison: Comparison) -> ScoreTable:
    """Return the pooled scores without the figures of the concept spaces' fit."""
    return table_of(comparison, comparison.scores)


def shared_scores(comparison: Comparison) -> tuple[ScoreTable, ScoreTable]:
    """Return the scores of metrics that several rows have, and those that one row alone has."""
    pooled = comparison.scores
    lines = pooled[pooled.kind == RowKind.SCORE].metric.value_counts()
    labels = len(pooled.groupby([axis.name for axis in _axes(comparison, pooled)] or ["control"]))
    shared = pooled.metric.map(lines) > (1 if labels > 1 else 0)
    return table_of(comparison, pooled[shared]), table_of(comparison, pooled[~shared])


def table_of(comparison: Comparison, pooled: pd.DataFrame) -> ScoreTable:
    """Return some of a comparison's pooled scores as a table."""
    axes = _axes(comparison, pooled)
    names = [axis.name for axis in axes]
    replicates = next((a.name for a in comparison.axes if a.name not in names), None)
    builder = _Builder(pooled, axes, comparison.contrast, score_provenances(comparison, replicates))
    return builder.build()


@dataclass(frozen=True)
class Fit:
    """The figures of the concept spaces' fit: a row for each figure, a column for each space."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]


def fit_of(comparison: Comparison) -> Fit:
    """Return the pooled figures of fit; lines that share their figures share a column."""
    pooled = comparison.pooled()
    figures = pooled[pooled.kind == RowKind.FIT]
    # A score table has a column for each metric; here each figure takes the place of a metric.
    as_scores = {"metric": figures["name"], "kind": str(RowKind.SCORE), "name": ""}
    table = table_of(comparison, figures.assign(**as_scores))
    columns: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for line in table.lines:
        values = tuple(f"{score.value} {score.interval}".strip() for score in line.scores)
        columns[values].append(" · ".join(line.labels))
    return Fit(table.metrics, tuple(map(", ".join, columns.values())), tuple(columns))


def _axes(comparison: Comparison, pooled: pd.DataFrame) -> list[Axis]:
    return [axis for axis in comparison.axes if axis.name in pooled.columns]


@dataclass
class _Builder:
    """Builds a table; reasons are numbered in the order in which they occur."""

    pooled: pd.DataFrame
    axes: Sequence[Axis]
    contrast: str | None
    known: Mapping[Place, ScoreProvenance]
    notes: dict[str, int] = field(default_factory=dict)

    def build(self) -> ScoreTable:
        metrics = list(dict.fromkeys(self.pooled.metric))
        directions = dict(zip(self.pooled.metric, self.pooled.higher_is_better, strict=True))
        names = [axis.name for axis in self.axes]
        found = control_warnings(self.pooled, names, self.contrast, self.known)
        warnings: dict[Place, list[str]] = defaultdict(list)
        for warning in found:
            if warning.all_methods:
                warnings[warning.place].append("no method does better")
                continue
            for method in warning.methods:
                warnings[method.place].append(f"no better than {warning.control}")
        best = starred(self.pooled, names, self.contrast)
        usual = self._usual()
        lines = []
        for key, group in self.pooled.groupby([*names, "control"], sort=False):
            labels = key[:-1]
            of_metric: dict[str, list[Any]] = defaultdict(list)
            # Rows of a data frame, one by one, take a hundred times as long.
            for row in group.itertuples(index=False):
                of_metric[row.metric].append(row)
            scores = tuple(
                self._score(
                    of_metric[metric], (labels, metric) in best, usual, warnings[labels, metric]
                )
                for metric in metrics
            )
            cost = seconds(group.seconds.iloc[0]), count(group.answers.iloc[0])
            texts, concepts = label_texts(self.axes, labels), self._concepts(labels)
            lines.append(Line(texts, bool(key[-1]), scores, *cost, concepts))
        headings = tuple(f"{metric} {arrow(directions[metric])}".strip() for metric in metrics)
        marks = frozenset(mark for line in lines for score in line.scores for mark in score.marks)
        alike = tuple(self._alike.get(metric, "") for metric in metrics)
        columns = tuple(MetricColumn(metric, bool(arrow(directions[metric]))) for metric in metrics)
        notes, warned = tuple(self.notes), tuple(found)
        return ScoreTable(
            tuple(names), headings, tuple(lines), notes, warned, marks, alike, columns
        )

    def _usual(self) -> dict[str, tuple[str, str]]:
        """Return, for each metric, the most frequent vocabulary and attribution space."""
        votes: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for row in self._own().to_dict("records"):
            if not pd.isna(row["value"]):
                votes[str(row["metric"])][row["read"], row["vocabulary"]] += 1
        return {metric: counted.most_common(1)[0][0] for metric, counted in votes.items()}

    @cached_property
    def _alike(self) -> dict[str, str]:
        """Return the chance level of each metric with several scores that all share it."""
        found = {}
        for metric, rows in self.pooled[self.pooled.value.notna()].groupby("metric"):
            each = _in_words(list(rows.itertuples(index=False)), RowKind.CHANCE)
            scores = int((rows.kind == RowKind.SCORE).sum())
            if len(each) == scores > 1 and len(set(each)) == 1:
                found[str(metric)] = each[0]
        return found

    @cached_property
    def _scales(self) -> dict[str, Scale]:
        return {str(metric): Scale.of(rows) for metric, rows in self.pooled.groupby("metric")}

    def _own(self) -> pd.DataFrame:
        return self.pooled[self.pooled.kind == RowKind.SCORE]

    @cached_property
    def _vocabularies(self) -> set[str]:
        return set(self.pooled.vocabulary) - {""}

    def _concepts(self, labels: tuple[Label, ...]) -> str:
        """Return the concepts that a row's metrics are about, if the rows differ in that."""
        if len(self._vocabularies) < 2:
            return ""
        own = (provenance.concepts for (at, _), provenance in self.known.items() if at == labels)
        return next(own, "")

    def _score(
        self,
        rows: Sequence[Any],
        is_best: bool,
        usual: Mapping[str, tuple[str, str]],
        warnings: Sequence[str],
    ) -> Score:
        """Return the score of one metric in one line, of the rows of a data frame as tuples."""
        row = next((row for row in rows if row.kind == RowKind.SCORE), None)
        if row is None:
            return Score()
        chance = _in_words(rows, RowKind.CHANCE)
        beneath = [] if chance == [self._alike.get(str(row.metric))] else chance
        note = 0
        if row.missing:
            of_all = (
                "" if row.n == 0 else f"{int(row.missing)} of {int(row.n + row.missing)} without: "
            )
            if len(row.reason) <= _SHORT:
                beneath.append(of_all + row.reason)
            else:
                note = self._note(of_all + row.reason)
        elif row.reason:
            note = self._note(row.reason)
        return Score(
            number(row.value),
            interval(row),
            tuple(beneath),
            tuple(_in_words(rows, RowKind.CONTROL)),
            is_best,
            _marks(row, *usual[str(row.metric)]) if row.n else "",
            tuple(warnings),
            note,
            None if pd.isna(row.value) else float(f"{row.value:.6g}"),
            self._scales[str(row.metric)].bar(row._asdict(), _chance(rows)),
        )

    def _note(self, reason: str) -> int:
        return self.notes.setdefault(reason, len(self.notes) + 1)


def _chance(rows: Sequence[Any]) -> float | None:
    return next((float(row.value) for row in rows if row.kind == RowKind.CHANCE), None)


def _in_words(rows: Sequence[Any], kind: RowKind) -> list[str]:
    """Return the rows of a kind as text: their name, or else the kind's, and the value."""
    return [f"{row.name or kind} {number(row.value)}" for row in rows if row.kind == kind]


def _marks(row: Any, read: str, vocabulary: str) -> str:
    apart = OTHER_CONCEPTS if row.vocabulary != vocabulary else ""
    if row.read != read:
        apart = READ_OTHERWISE
    return apart + (TRANSLATED if row.translated else "")
