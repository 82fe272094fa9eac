"""Warnings where a control scores at least as well as a method, and why that can happen."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from causalxai.comparison.comparable import comparable_groups, direction
from causalxai.comparison.page.score_provenance import Place, ScoreProvenance
from causalxai.comparison.rows import RowKind
from causalxai.metric import Metric


@dataclass(frozen=True)
class MatchedMethod:
    """A method that a control matches or surpasses; ``overlaps`` where their 95 % intervals do."""

    place: Place
    label: str
    value: float
    overlaps: bool


@dataclass(frozen=True)
class ControlWarning:
    """A control that scores at least as well as some methods.

    Parameters
    ----------
    metric, control
        Their names in the table.
    place, value
        The control's place and score.
    methods
        The methods that it matches or surpasses.
    all_methods
        Whether these are all of the methods that it can be compared with, of at least two.
    why
        Why that can happen with this metric.
    """

    metric: str
    control: str
    place: Place
    value: float
    methods: tuple[MatchedMethod, ...]
    all_methods: bool
    why: str


def control_warnings(
    pooled: pd.DataFrame,
    names: Sequence[str],
    contrast: str | None,
    known: Mapping[Place, ScoreProvenance],
) -> list[ControlWarning]:
    """Return where controls match or surpass comparable methods, metric by metric.

    Parameters
    ----------
    pooled
        ``Comparison.pooled``.
    names
        The axes in it.
    contrast
        The axis whose labels are compared.
    known
        Where each score comes from.
    """
    scores = _Scores(pooled, names, contrast, known)
    found = []
    for _, group in comparable_groups(pooled, [name for name in names if name != contrast]):
        own = [] if direction(group) is None else list(scores.with_provenance(group))
        rivals = [one for one in own if not one.row["control"]]
        for control in own:
            matched = [one for one in rivals if _does_as_well(control.row, one.row)]
            if control.row["control"] and matched:
                all_methods = len(matched) == len(rivals) > 1
                found.append(scores.warning(control, matched, all_methods=all_methods))
    order = list(pooled.metric.unique())
    return sorted(found, key=lambda warning: order.index(warning.metric))


@dataclass(frozen=True)
class _Score:
    """A row of the table, its place, and where its score comes from."""

    place: Place
    row: Mapping[str, Any]
    provenance: ScoreProvenance


@dataclass(frozen=True)
class _Scores:
    pooled: pd.DataFrame
    names: Sequence[str]
    contrast: str | None
    known: Mapping[Place, ScoreProvenance]

    def with_provenance(self, rows: pd.DataFrame) -> Iterator[_Score]:
        """Yield the rows whose provenance is known."""
        for row in rows.to_dict("records"):
            place = tuple(row[name] for name in self.names), str(row["metric"])
            if place in self.known:
                yield _Score(place, {str(k): v for k, v in row.items()}, self.known[place])

    def warning(
        self, control: _Score, matched: Sequence[_Score], *, all_methods: bool
    ) -> ControlWarning:
        metric, kind = control.provenance.metric, control.provenance.control
        remark = "" if kind is None else metric.why_controls_win.get(kind, "")
        why = remark or _first_paragraph(metric)
        return ControlWarning(
            control.place[1],
            self._label(control),
            control.place,
            control.row["value"],
            tuple(self._matched(control, one) for one in matched),
            all_methods,
            f"{why} {self._contrast(control, matched)}".strip(),
        )

    def _matched(self, control: _Score, one: _Score) -> MatchedMethod:
        overlaps = _overlap(control.row, one.row)
        return MatchedMethod(one.place, self._label(one), one.row["value"], overlaps)

    def _contrast(self, control: _Score, matched: Sequence[_Score]) -> str:
        """Say where another part of the same metric ranks the methods above the control."""
        part = control.provenance.metric.contrasting_part
        if not part:
            return ""
        pooled = self.pooled[(self.pooled.kind == RowKind.PART) & self.pooled.value.notna()]
        rows = pooled[pooled["name"] == part]
        by_place = {one.place: one for one in self.with_provenance(rows)}
        mine = by_place.get(control.place)
        ahead = [
            by_place[one.place]
            for one in matched
            if one.place in by_place
            and mine is not None
            and not _does_as_well(mine.row, by_place[one.place].row)
        ]
        if mine is None or not ahead:
            return ""
        methods = ", ".join(f"{self._label(one)} ({one.row['value']:.3f})" for one in ahead)
        who = f"{self._label(mine)} ({mine.row['value']:.3f})"
        verb = "does" if len(ahead) == 1 else "do"
        return f"With {part}, {methods} {verb} better than {who}."

    def _label(self, one: _Score) -> str:
        if self.contrast is None:
            return ", ".join(map(str, one.place[0]))
        return str(one.row[self.contrast])


def _does_as_well(control: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    gain = control["value"] - other["value"]
    return bool(gain >= 0 if control["higher_is_better"] else gain <= 0)


def _first_paragraph(metric: type[Metric]) -> str:
    summary = (inspect.getdoc(metric) or "").partition("\n\n")[0].replace("\n", " ")
    return f"What it measures: {summary}" if summary else ""


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    ends = one["low"], one["high"], other["low"], other["high"]
    if any(pd.isna(end) for end in ends):
        return False
    low, high, least, most = ends
    return bool(low <= most and least <= high)
