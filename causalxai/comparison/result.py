"""A finished comparison: its table, pooled scores, differences and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalxai.comparison.comparable import (
    COMPARABLE_BY,
    comparable_groups,
    difference_rows,
    rank_rows,
)
from causalxai.comparison.latex import latex_table
from causalxai.comparison.plot import plot_scores
from causalxai.comparison.rows import Entry, Row, RowKind
from causalxai.comparison.statistics import mean_of
from causalxai.config.vary import RESERVED, Axis, Label
from causalxai.errors import did_you_mean
from causalxai.pipeline.keys import labelled_metrics
from causalxai.report.notebook import in_cell
from causalxai.storage.cost import Cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REPLICATES = "seed"
"""The axis whose runs are replicates."""

_NUMBERS = ("value", "low", "high", "n", "least", "most", "seconds", "answers")
_TEXTS = ("reason", *COMPARABLE_BY[1:])
_ALL_EQUAL = {"low": None, "high": None, "interval": "alike"}
_POOLED = (
    *("value", "sd", "low", "high", "interval", "n", "missing", *_TEXTS),
    *("translated", "higher_is_better", "seconds", "answers"),
)


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Parameters
    ----------
    name
        The comparison's name.
    axes
        The axes that were varied.
    entries
        The runs, including those that failed.
    directory
        The folder of ``comparison.html``, its ``summary.html`` for notebooks, ``comparison.csv``,
        ``comparison.json`` and ``spec.yaml``.
    yaml
        The spec of the comparison.
    """

    name: str
    axes: tuple[Axis, ...]
    entries: tuple[Entry, ...]
    directory: Path
    yaml: str = ""

    @cached_property
    def table(self) -> pd.DataFrame:
        """All scores as a tidy table, with a row for each run, metric and part.

        The columns are the axes; ``control`` (whether the run is one); ``metric``; ``kind``, a
        ``RowKind``: the score itself, its chance level, another part, a control of the metric, or
        a figure of the concept space's fit (without a metric); ``name`` of the part, control or
        figure; ``value``, ``low``, ``high`` (95 %) and ``n``; ``status`` and ``reason``;
        ``vocabulary``, which identifies the concepts that the score is about, and ``read``, the
        attribution space that was read, both empty if they do not matter: only scores that agree
        in both are comparable; ``translated``, whether the explanation was translated by an
        oracle's images, missing if that does not apply; ``least`` and ``most``, the range of the
        metric; ``higher_is_better``, missing if neither direction is better; ``seconds`` and
        ``answers``, the cost of the stages that the run is charged with (see ``charged``), where
        ``answers`` is missing if the oracle was not used.
        """
        rows = [row for entry in self.entries for row in entry.rows()]
        table = pd.DataFrame(rows, columns=[*self._names, *RESERVED])
        table = table.astype(dict.fromkeys(_NUMBERS, "float64") | dict.fromkeys(_TEXTS, "object"))
        table["translated"] = table.translated.astype("object").where(
            table.translated.notna(), None
        )
        return table.fillna(dict.fromkeys(_TEXTS, ""))

    def __repr__(self) -> str:
        runs, failed = len(self.entries), len(self.failures())
        told = f"{runs} run{'' if runs == 1 else 's'}" + (f", {failed} failed" if failed else "")
        return f"Comparison({self.directory}, {told})"

    def _repr_html_(self) -> str:
        """Return the scores, the images and where the page is, as a notebook shows them."""
        summary = (self.directory / "summary.html").read_text(encoding="utf-8")
        return in_cell(summary, self.directory / "comparison.html")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """``pooled()`` without the figures of the concept spaces' fit."""
        pooled = self.pooled()
        return pooled[(pooled.kind != RowKind.FIT) & (pooled.metric != "")]

    @property
    def reading_notes(self) -> tuple[str, ...]:
        """The notes of the metrics on how to read their scores, each once."""
        scored = set(self.scores.metric)
        notes = (
            part.plugin_class.reading_note
            for entry in self.entries
            for label, part in labelled_metrics(entry.cell.spec).items()
            if label in scored
        )
        return tuple(dict.fromkeys(note for note in notes if note))

    @property
    def threads(self) -> tuple[int, ...]:
        """The numbers of CPU threads with which the stages were computed; empty if unknown."""
        costs = [cost for entry in self.entries for cost in entry.outcome.costs.values()]
        return tuple(sorted({count for cost in costs for count in cost.threads}))

    @property
    def contrast(self) -> str | None:
        """The axis whose labels are compared: ``method``, or else the last except replicates."""
        several = [axis.name for axis in self.axes if len(axis.variants) > 1]
        others = [name for name in several if name != REPLICATES]
        if "method" in others or not others:
            return "method" if others else None
        return others[-1]

    def pooled(self, over: str | None = None) -> pd.DataFrame:
        """Return the means over replicates, a row for each metric, kind and name.

        Parameters
        ----------
        over
            The axis of replicates; ``seed`` where there is one.

        Returns
        -------
        pandas.DataFrame
            The other axes; ``control``, ``metric``, ``kind`` and ``name``; ``value``, the mean
            over the ``n`` runs that are ok, and ``sd``; ``low`` and ``high``, a 95 % interval by
            Student's t over the replicates, limited to the metric's range; ``interval``, which is
            ``replicates``, or ``samples`` if it is the interval of a single run's samples, because
            there is one run or all runs have the same value (then the widest; ``alike`` if they
            have none); ``missing``, the number of runs without a value, and the ``reason``; all
            values of ``vocabulary`` and ``read``; ``translated``, whether any explanation was;
            ``higher_is_better``; the means of ``seconds`` and ``answers``.
        """
        replicates = self._replicates(over)
        if replicates not in self._means:
            self._means[replicates] = self._pool(replicates)
        return self._means[replicates].copy()

    @cached_property
    def _means(self) -> dict[str | None, pd.DataFrame]:
        return {}

    def _pool(self, replicates: str | None) -> pd.DataFrame:
        by = [*self._without(replicates), "control", "metric", "kind", "name"]
        groups = self.table.groupby(by, sort=False, dropna=False)
        rows = [dict(zip(by, key, strict=True)) | _mean_row(group) for key, group in groups]
        numbers = dict.fromkeys(("value", "sd", "low", "high", "seconds", "answers"), "float64")
        return pd.DataFrame(rows, columns=[*by, *_POOLED]).astype(numbers)

    def differences(
        self,
        axis: str | None = None,
        metric: str | None = None,
        over: str | Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the differences between the labels of an axis, in pairs that agree in all else.

        Only comparable scores are paired: those of one metric that read the same attribution
        space and are about the same concepts.

        Parameters
        ----------
        axis
            The axis whose labels are compared; ``contrast`` by default.
        metric
            One metric; all metrics by default.
        over
            The axes along which pairs are averaged, as replicates; ``seed`` by default. The other
            axes are kept separate.

        Returns
        -------
        pandas.DataFrame
            The axes that are kept separate; ``metric``, ``vocabulary`` and ``read``; the labels
            ``first`` and ``second``; ``value``, the mean of first minus second, with ``low`` and
            ``high`` by a paired t-test; ``n`` pairs; ``wins``, the share of pairs in which the
            first is better; and a ``note`` where there is no interval.
        """
        axis = self._axis(axis)
        replicates = [name for name in self._names if name == REPLICATES]
        apart = self._apart(axis, replicates if over is None else over)
        scores = self.table if metric is None else self.table[self.table.metric == metric]
        rows = [
            {**alike, **row}
            for alike, group in comparable_groups(scores, apart)
            for row in difference_rows(group, axis, self._labels(axis), self._without(axis))
        ]
        columns = ["first", "second", "value", "low", "high", "n", "wins", "note"]
        return pd.DataFrame(rows, columns=[*apart, *COMPARABLE_BY, *columns])

    def ranks(
        self, axis: str | None = None, over: str | Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return the mean rank of each label of an axis by each metric; 1 is the best.

        Comparable runs that agree in everything else are ranked if there are two or more labels
        and all have a value; ties share their ranks. ``n`` is the number of rankings that contain
        the label. ``axis`` is as for ``differences``; ``over`` are the axes along which ranks are
        averaged, by default all others.
        """
        axis = self._axis(axis)
        apart = [] if over is None else self._apart(axis, over)
        rows = [
            {**alike, **row}
            for alike, group in comparable_groups(self.table, apart)
            for row in rank_rows(group, axis, self._labels(axis), self._without(axis))
        ]
        return pd.DataFrame(rows, columns=[*apart, *COMPARABLE_BY, axis, "rank", "n"])

    def failures(self) -> list[Entry]:
        """Return the runs that failed."""
        return [entry for entry in self.entries if entry.outcome.reason]

    def summary(self) -> dict[str, Any]:
        """Return the comparison as plain JSON: where it is, its runs, and the pooled scores."""
        return {
            "directory": str(self.directory),
            "report": str(self.directory / "comparison.html"),
            "runs": [_run_json(entry) for entry in self.entries],
            "scores": records(self.pooled()),
        }

    def to_latex(self) -> str:
        """Return the pooled scores as a LaTeX table, which needs the package ``booktabs``.

        There is a column for each metric and a row for each method, with 95 % intervals; controls
        and chance stand below a line. Bold is the best of comparable scores, only where its
        interval is clear of chance and of every control.
        """
        scores = self.scores
        axes = [axis for axis in self.axes if axis.name in scores.columns]
        return latex_table(scores, axes, self.contrast)

    def plot(self, metric: str | None = None, *, axes: Axes | None = None) -> Axes:
        """Draw the pooled scores by one metric as bars with their intervals and chance levels.

        Parameters
        ----------
        metric
            The metric; the first one unless given.
        axes
            The axes to draw on; those of a new figure unless given.

        Raises
        ------
        ValueError
            If there are no scores of this metric.
        """
        names = [name for name in self._names if name in self.scores.columns]
        return plot_scores(self.scores, names, metric, axes)

    def to_json(self) -> dict[str, Any]:
        """Return the summary, the axes, the differences and the ranks as plain JSON."""
        contents = {
            **self.summary(),
            "name": self.name,
            "axes": {axis.name: list(axis.labels) for axis in self.axes},
            "threads": list(self.threads),
        }
        if self.contrast is not None:
            contents |= {"differences": records(self.differences()), "ranks": records(self.ranks())}
        return contents

    @property
    def _names(self) -> list[str]:
        return [axis.name for axis in self.axes]

    def _labels(self, name: str) -> Sequence[Label]:
        return next(axis.labels for axis in self.axes if axis.name == name)

    def _without(self, *names: str | None) -> list[str]:
        return [name for name in self._names if name not in names]

    def _replicates(self, over: str | None) -> str | None:
        if over is not None:
            return self._axis(over)
        return REPLICATES if REPLICATES in self._names else None

    def _axis(self, name: str | None) -> str:
        found = self.contrast if name is None else name
        if found is None:
            raise ValueError("no axis has two or more labels to compare")
        if found not in self._names:
            hint = did_you_mean(found, self._names)
            raise ValueError(f"there is no axis {found!r}{hint} (axes: {', '.join(self._names)})")
        return found

    def _apart(self, axis: str, over: str | Sequence[str]) -> list[str]:
        averaged = [over] if isinstance(over, str) else list(over)
        return self._without(axis, *map(self._axis, averaged))


def records(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a table as plain JSON, with ``None`` for missing values."""
    return [
        {
            name: None if pd.api.types.is_scalar(value) and pd.isna(value) else value
            for name, value in row.items()
        }
        for row in frame.astype(object).to_dict("records")
    ]


def _mean_row(group: pd.DataFrame) -> Row:
    found = group[(group.status == "ok") & group.value.notna()]
    row: Row = {
        "n": len(found),
        "missing": len(group) - len(found),
        "reason": _all_said(group.reason),
        "translated": _any_translated(group.translated),
        **{name: _all_said((group if found.empty else found)[name]) for name in COMPARABLE_BY[1:]},
        "higher_is_better": group.higher_is_better.iloc[0],
        "seconds": group.seconds.mean(),
        "answers": group.answers.mean(),
        "interval": "",
    }
    if found.empty:
        return row
    mean = mean_of(found.value.tolist())
    row |= asdict(mean)
    if mean.low is None or mean.high is None:
        low, high = found.low.min(), found.high.max()
        if len(found) == 1:
            return row | {"low": low, "high": high, "interval": "" if pd.isna(low) else "samples"}
        return row | (
            {"low": low, "high": high, "interval": "samples"} if low < high else _ALL_EQUAL
        )
    least, most = found.least.iloc[0], found.most.iloc[0]
    low = mean.low if pd.isna(least) else max(mean.low, least)
    high = mean.high if pd.isna(most) else min(mean.high, most)
    return row | {"low": low, "high": high, "interval": "replicates"}


def _any_translated(column: pd.Series) -> bool | None:
    known = column.dropna()
    return None if known.empty else bool(known.any())


def _all_said(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _run_json(entry: Entry) -> Row:
    outcome = entry.outcome
    return {
        "labels": dict(entry.cell.labels),
        "control": entry.cell.control,
        "status": outcome.status,
        "reason": outcome.reason,
        "directory": outcome.directory and str(outcome.directory),
        "computed": list(outcome.computed),
        "costs": {stage: _cost_json(cost) for stage, cost in outcome.costs.items()},
    }


def _cost_json(cost: Cost) -> Row:
    return {**asdict(cost), "threads": list(cost.threads)}
