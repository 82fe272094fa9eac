"""Scores as a grid: the axes' labels down, metrics across, and what each number stands on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalxai.comparison.grounds import Ground, Place, grounds
from causalxai.comparison.outcome import FIT
from causalxai.comparison.upsets import Upset, upsets
from causalxai.spec.vary import Axis, Label

if TYPE_CHECKING:
    from causalxai.comparison.comparison import Comparison

OTHER_CONCEPTS, TRANSLATED = "†", "◇"
"""Marks of a score that is about other concepts than most, and of one through the generator."""

_SHORT = 30
_ROUNDING, _HALF_A_DIGIT = 1e-12, 5e-4


@dataclass(frozen=True)
class Score:
    """A cell of the page's tables.

    Parameters
    ----------
    value, interval
        The score; empty where there is none.
    beneath
        Chance, controls and, in a few words, why there is no score, a line each.
    best
        Whether it is the best of those that it competes with.
    marks
        What it stands on, if that needs saying.
    warnings
        Where a control scores at least as well.
    note
        The number of the note that says why there is no score, or what was left out; 0 for none.
    """

    value: str = ""
    interval: str = ""
    beneath: tuple[str, ...] = ()
    best: bool = False
    marks: str = ""
    warnings: tuple[str, ...] = ()
    note: int = 0


@dataclass(frozen=True)
class Line:
    """A row of the page's tables: one label of each axis, and what was found under them."""

    labels: tuple[str, ...]
    control: bool
    scores: tuple[Score, ...]
    seconds: str = ""
    answers: str = ""
    concepts: str = ""
    """Whose concepts its metrics ask about, where lines differ in that."""


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Parameters
    ----------
    axes, metrics
        The headings.
    lines
        The rows.
    notes
        Reasons, numbered from 1.
    upsets
        Where controls score at least as well as methods.
    marks
        The marks that occur.
    """

    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    upsets: tuple[Upset, ...] = ()
    marks: frozenset[str] = frozenset()


def score_grid(comparison: Comparison) -> Grid:
    """Return the pooled scores, without what concept spaces say of their fit."""
    pooled = comparison.pooled()
    is_score = ~pooled.metric.str.startswith(FIT) & (pooled.metric != "")
    return grid_of(comparison, pooled[is_score])


def shared_scores(comparison: Comparison) -> tuple[Grid, Grid]:
    """Return the scores that several lines were asked for, and those that one line alone was."""
    pooled = comparison.pooled()
    pooled = pooled[~pooled.metric.str.startswith(FIT) & (pooled.metric != "")]
    lines = pooled[pooled.part == ""].metric.value_counts()
    labels = len(pooled.groupby([axis.name for axis in _axes(comparison, pooled)] or ["control"]))
    shared = pooled.metric.map(lines) > (1 if labels > 1 else 0)
    return grid_of(comparison, pooled[shared]), grid_of(comparison, pooled[~shared])


def grid_of(comparison: Comparison, pooled: pd.DataFrame) -> Grid:
    """Return some of a comparison's pooled scores as a grid."""
    axes = _axes(comparison, pooled)
    names = [axis.name for axis in axes]
    replicates = next((a.name for a in comparison.axes if a.name not in names), None)
    builder = _Builder(pooled, axes, comparison.contrast, grounds(comparison, replicates))
    return builder.build()


@dataclass(frozen=True)
class Fit:
    """What concept spaces say of their own fit: figures down, those that differ across."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]


def fit_of(comparison: Comparison) -> Fit:
    """Return the pooled figures of fit; of lines with the same figures, the first one."""
    pooled = comparison.pooled()
    grid = grid_of(comparison, pooled[pooled.metric.str.startswith(FIT)])
    columns: dict[tuple[str, ...], str] = {}
    for line in grid.lines:
        values = tuple(f"{score.value} {score.interval}".strip() for score in line.scores)
        columns.setdefault(values, ", ".join(line.labels))
    names = tuple(metric.removeprefix(FIT) for metric in grid.metrics)
    return Fit(names, tuple(columns.values()), tuple(columns))


def _axes(comparison: Comparison, pooled: pd.DataFrame) -> list[Axis]:
    return [axis for axis in comparison.axes if axis.name in pooled.columns]


@dataclass
class _Builder:
    """Puts a grid together; reasons are numbered as they come."""

    pooled: pd.DataFrame
    axes: Sequence[Axis]
    contrast: str | None
    known: Mapping[Place, Ground]
    notes: dict[str, int] = field(default_factory=dict)

    def build(self) -> Grid:
        metrics = list(dict.fromkeys(self.pooled.metric))
        directions = dict(zip(self.pooled.metric, self.pooled.higher_is_better, strict=True))
        names = [axis.name for axis in self.axes]
        found = upsets(self.pooled, names, self.contrast, self.known)
        warnings: dict[Place, list[str]] = defaultdict(list)
        for upset in found:
            if upset.everyone:
                warnings[upset.place].append("no method does better")
                continue
            for method in upset.methods:
                warnings[method.place].append(f"no better than {upset.control}")
        best = self._best()
        usual = self._usual()
        lines = []
        for key, group in self.pooled.groupby([*names, "control"], sort=False):
            labels = key[:-1]
            scores = tuple(
                self._score(group[group.metric == metric], best, usual, warnings[labels, metric])
                for metric in metrics
            )
            cost = seconds(group.seconds.iloc[0]), count(group.answers.iloc[0])
            told_concepts = self._concepts(labels) if len(self._spaces()) > 1 else ""
            lines.append(Line(told(self.axes, labels), bool(key[-1]), scores, *cost, told_concepts))
        headings = tuple(f"{metric} {arrow(directions[metric])}".strip() for metric in metrics)
        marks = frozenset(mark for line in lines for score in line.scores for mark in score.marks)
        return Grid(tuple(names), headings, tuple(lines), tuple(self.notes), tuple(found), marks)

    def _place(self, row: Mapping[Any, Any]) -> Place:
        return tuple(row[axis.name] for axis in self.axes), str(row["metric"])

    def _ground(self, row: Mapping[Any, Any]) -> Ground | None:
        return self.known.get(self._place(row))

    def _best(self) -> set[Place]:
        """Return the places of the best of each metric, vocabulary and block, controls aside."""
        competing: dict[tuple[object, ...], list[tuple[Place, float]]] = defaultdict(list)
        for row in self._own().to_dict("records"):
            if row["control"] or pd.isna(row["value"]) or pd.isna(row["higher_is_better"]):
                continue
            block = [row[axis.name] for axis in self.axes if axis.name != self.contrast]
            ground = self._ground(row)
            apart = (*block, row["metric"], ground.vocabulary if ground else "")
            better = row["value"] if row["higher_is_better"] else -row["value"]
            competing[apart].append((self._place(row), better))
        return {
            place
            for scores in competing.values()
            if len(scores) > 1
            for place, value in scores
            if value == max(better for _, better in scores)
        }

    def _usual(self) -> dict[str, str]:
        """Return, for each metric, the vocabulary that most of its scores ask about."""
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self._own().to_dict("records"):
            if (ground := self._ground(row)) is not None:
                votes[str(row["metric"])][ground.vocabulary] += 1
        return {metric: counted.most_common(1)[0][0] for metric, counted in votes.items()}

    def _own(self) -> pd.DataFrame:
        return self.pooled[self.pooled.part == ""]

    def _spaces(self) -> set[str]:
        return {ground.vocabulary for ground in self.known.values() if ground.vocabulary}

    def _concepts(self, labels: tuple[Label, ...]) -> str:
        return next(ground.concepts for (at, _), ground in self.known.items() if at == labels)

    def _score(
        self,
        rows: pd.DataFrame,
        best: set[Place],
        usual: Mapping[str, str],
        warnings: Sequence[str],
    ) -> Score:
        own = rows[rows.part == ""]
        if own.empty:
            return Score()
        row = own.iloc[0]
        beneath = [
            f"{part} {number(value)}"
            for part, value in zip(rows.part, rows.value, strict=True)
            if part == "chance" or part.startswith("control: ")
        ]
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
        place, ground = self._place(row), self._ground(row)
        return Score(
            number(row.value),
            interval(row),
            tuple(beneath),
            place in best,
            _marks(row, ground, usual.get(str(row.metric), "")) if row.n else "",
            tuple(warnings),
            note,
        )

    def _note(self, reason: str) -> int:
        return self.notes.setdefault(reason, len(self.notes) + 1)


def _marks(row: Any, ground: Ground | None, usual: str) -> str:
    other = OTHER_CONCEPTS if ground is not None and ground.vocabulary != usual else ""
    return other + (TRANSLATED if row.footing == "through the generator" else "")


def told(axes: Iterable[Axis], labels: Iterable[Label]) -> tuple[str, ...]:
    """Return labels in words; those that are controls say so."""
    pairs = zip(axes, labels, strict=True)
    return tuple(
        f"{label} (control)" if label in axis.controls else f"{label}" for axis, label in pairs
    )


def number(value: float | None) -> str:
    """Return a figure as the page shows it: three decimals, or three digits where these lie."""
    if value is None or pd.isna(value):
        return ""
    plain = abs(value) < _ROUNDING or 1e-3 <= abs(value) < 1e3
    told = f"{value if abs(value) >= _ROUNDING else 0:.3f}" if plain else f"{value:.3g}"
    return told.replace("-", "\N{MINUS SIGN}")


def interval(row: Any) -> str:
    """Return a row's interval in brackets, or nothing."""
    if row.low is None or pd.isna(row.low):
        return ""
    if max(abs(row.low), abs(row.high)) < 1e-3:
        return f"[{number(row.low)}, {number(row.high)}]"
    ends = (
        number(0.0 if abs(end) < _HALF_A_DIGIT else round(end, 3)) for end in (row.low, row.high)
    )
    return f"[{', '.join(ends)}]"


def seconds(value: float | None) -> str:
    """Return a duration, in tenths where it is under ten."""
    return "" if value is None or pd.isna(value) else f"{value:.{1 if value < 10 else 0}f}"


def count(value: float | None) -> str:
    """Return a large count with spaces between thousands."""
    return "" if value is None or pd.isna(value) else f"{value:,.0f}".replace(",", " ")


def arrow(higher_is_better: Any) -> str:
    """Return which way is better, up or down."""
    if higher_is_better is None or pd.isna(higher_is_better):
        return ""
    return "↑" if higher_is_better else "↓"
