"""Where a control scores at least as well as a method, and what that says of the metric."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from causalxai.comparison.comparable import competitors, direction
from causalxai.comparison.page.score_provenance import Place, ScoreProvenance
from causalxai.metric import Metric

# By metric and explainer: why knowing nothing can score there.
_WHY: Mapping[tuple[str, str], str] = {
    ("deletion", "constant"): (
        "This may be because pixels of equal importance go row by row from the top, so that whole "
        "parts of what is shown go at once."
    ),
    ("insertion", "constant"): (
        "This may be because pixels of equal importance come row by row from the top, so that "
        "whole parts of what is shown come at once, while a map that is wrong holds back what "
        "tells."
    ),
    ("deletion", "random"): (
        "This may be because pixels that go here and there spoil every part of the image at once, "
        "while a map in one piece takes away one place and leaves the others as they are."
    ),
    ("insertion", "random"): (
        "This may be because pixels that come here and there sketch the whole image early, while "
        "a map in one piece fills in one place after the other."
    ),
    ("interventional-faithfulness", "constant"): (
        "It claims that more of any concept supports the class as much as more of any other. "
        "Where do() bears out the sign, that may be most of the order."
    ),
    ("stability", "constant"): (
        "What never changes is stable: this metric alone tells nothing, and is read beside others."
    ),
    ("faithfulness", "random"): (
        "Bins find dependence where there is none: both are to be read against chance."
    ),
}

# Parts of a metric, on the scale of its score, that may tell the same comparison differently.
_ASIDE: Mapping[str, str] = {"interventional-faithfulness": "others held"}


@dataclass(frozen=True)
class Beaten:
    """A method that a control equals or beats; ``overlaps`` where their 95 % intervals do."""

    place: Place
    label: str
    value: float
    overlaps: bool


@dataclass(frozen=True)
class Upset:
    """A control that scores at least as well as some methods.

    Parameters
    ----------
    metric, control
        Their names in the table.
    place, value
        The control's place and score.
    methods
        Whom it equals or beats.
    everyone
        Whether these are all that it can be compared with, two or more.
    why
        What that tells of the metric.
    """

    metric: str
    control: str
    place: Place
    value: float
    methods: tuple[Beaten, ...]
    everyone: bool
    why: str


def upsets(
    pooled: pd.DataFrame,
    names: Sequence[str],
    contrast: str | None,
    known: Mapping[Place, ScoreProvenance],
) -> list[Upset]:
    """Return where controls equal or beat methods that they compete with, metric by metric.

    Parameters
    ----------
    pooled
        ``Comparison.pooled``.
    names
        The axes in it.
    contrast
        The axis whose labels are compared.
    known
        What the scores stand on.
    """
    scores = _Scores(pooled, names, contrast, known)
    found = []
    for _, group in competitors(pooled, [name for name in names if name != contrast]):
        own = [] if direction(group) is None else list(scores.told(group))
        rivals = [one for one in own if not one.row["control"]]
        for control in own:
            beaten = [one for one in rivals if _does_as_well(control.row, one.row)]
            if control.row["control"] and beaten:
                everyone = len(beaten) == len(rivals) > 1
                found.append(scores.upset(control, beaten, everyone=everyone))
    order = list(pooled.metric.unique())
    return sorted(found, key=lambda upset: order.index(upset.metric))


@dataclass(frozen=True)
class _Score:
    """A row of the table, its place, and what its score stands on."""

    place: Place
    row: Mapping[str, Any]
    ground: ScoreProvenance


@dataclass(frozen=True)
class _Scores:
    pooled: pd.DataFrame
    names: Sequence[str]
    contrast: str | None
    known: Mapping[Place, ScoreProvenance]

    def told(self, rows: pd.DataFrame) -> Iterator[_Score]:
        """Yield those of the rows of which it is known what they stand on."""
        for row in rows.to_dict("records"):
            place = tuple(row[name] for name in self.names), str(row["metric"])
            if place in self.known:
                yield _Score(place, {str(k): v for k, v in row.items()}, self.known[place])

    def upset(self, control: _Score, beaten: Sequence[_Score], *, everyone: bool) -> Upset:
        metric = control.ground.metric
        why = _WHY.get((metric.name, control.ground.explainer)) or _first_line(metric)
        return Upset(
            control.place[1],
            self._called(control),
            control.place,
            control.row["value"],
            tuple(self._beaten(control, one) for one in beaten),
            everyone,
            f"{why} {self._aside(control, beaten)}".strip(),
        )

    def _beaten(self, control: _Score, one: _Score) -> Beaten:
        overlaps = _overlap(control.row, one.row)
        return Beaten(one.place, self._called(one), one.row["value"], overlaps)

    def _aside(self, control: _Score, beaten: Sequence[_Score]) -> str:
        """Say where another part of the same metric tells it differently."""
        part = _ASIDE.get(control.ground.metric.name)
        if part is None:
            return ""
        rows = self.pooled[(self.pooled.part == f"part: {part}") & self.pooled.value.notna()]
        by_place = {one.place: one for one in self.told(rows)}
        mine = by_place.get(control.place)
        ahead = [
            by_place[one.place]
            for one in beaten
            if one.place in by_place
            and mine is not None
            and not _does_as_well(mine.row, by_place[one.place].row)
        ]
        if mine is None or not ahead:
            return ""
        told = ", ".join(f"{self._called(one)} ({one.row['value']:.3f})" for one in ahead)
        who = f"{self._called(mine)} ({mine.row['value']:.3f})"
        return f"With {part}, {told} does better than {who}."

    def _called(self, one: _Score) -> str:
        if self.contrast is None:
            return ", ".join(map(str, one.place[0]))
        return str(one.row[self.contrast])


def _does_as_well(control: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    gain = control["value"] - other["value"]
    return bool(gain >= 0 if control["higher_is_better"] else gain <= 0)


def _first_line(metric: type[Metric]) -> str:
    told = (inspect.getdoc(metric) or "").partition("\n\n")[0].replace("\n", " ")
    return f"What it measures: {told}" if told else ""


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    ends = one["low"], one["high"], other["low"], other["high"]
    if any(pd.isna(end) for end in ends):
        return False
    low, high, least, most = ends
    return bool(low <= most and least <= high)
