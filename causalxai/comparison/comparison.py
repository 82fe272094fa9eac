"""A finished comparison: its table, what may be said of it, and its page."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from causalxai.comparison.outcome import Entry, Row
from causalxai.comparison.statistics import mean_of, paired_difference, ranks
from causalxai.errors import DataError, did_you_mean
from causalxai.spec.vary import RESERVED, Axis, Label

REPLICATES = "seed"
"""The axis whose runs are repetitions of one another."""


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Parameters
    ----------
    name
        The comparison's name.
    axes
        What was varied.
    entries
        The runs, those that failed too.
    directory
        Where it is written: ``comparison.html``, ``comparison.csv``, ``comparison.json`` and
        ``spec.yaml``.
    threads
        How many CPU threads each run had; rounding depends on it.
    yaml
        A spec that says all of this.
    """

    name: str
    axes: tuple[Axis, ...]
    entries: tuple[Entry, ...]
    directory: Path
    threads: int = 1
    yaml: str = ""

    @cached_property
    def table(self) -> pd.DataFrame:
        """All scores, tidy: a row for each run, metric and part of it.

        Columns: the axes; ``control`` (the run is one); ``metric``; ``part``, which is empty for
        the score itself, ``chance``, ``control: NAME`` or ``part: NAME``; ``value``, ``low``,
        ``high`` (95 %) and ``n``; ``status`` and ``reason``; ``footing``, whether the explanation
        speaks of what is scored itself; ``higher_is_better``; ``seconds`` and ``answers`` that the
        method's own stages cost, from concepts to metrics. What a concept space says of its own
        fit stands under ``fit: NAME``.
        """
        rows = [row for entry in self.entries for row in entry.rows()]
        table = pd.DataFrame(rows, columns=[*self._names, *RESERVED])
        numbers = ("value", "low", "high", "n", "seconds", "answers")
        texts = ("reason", "footing")
        table = table.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(texts, "object"))
        return table.fillna({"reason": "", "footing": ""})

    @property
    def contrast(self) -> str | None:
        """The axis whose labels are compared: ``method``, or else the last that is no replicate."""
        several = [axis.name for axis in self.axes if len(axis.variants) > 1]
        others = [name for name in several if name != REPLICATES]
        if "method" in others or not others:
            return "method" if others else None
        return others[-1]

    def pooled(self, over: str | None = None) -> pd.DataFrame:
        """Return the means over replicates, a row for each metric and part.

        Parameters
        ----------
        over
            The axis of replicates; ``seed`` where there is one.

        Returns
        -------
        pandas.DataFrame
            The other axes; ``control``, ``metric``, ``part``; ``value``, the mean over the
            ``n`` runs that are ok, and ``sd``; ``low`` and ``high``, 95 % by Student's t over
            the replicates, or of a single run's own samples, as ``interval`` says (``replicates``
            or ``samples``); ``missing``, the runs without a value, and the ``reason``;
            ``footing``, all that there are; ``higher_is_better``; the means of ``seconds`` and
            ``answers``.
        """
        others = self._without(self._replicates(over))
        by = [*others, "control", "metric", "part"]
        groups = self.table.groupby(by, sort=False, dropna=False)
        rows = [dict(zip(by, key, strict=True)) | _mean_row(group) for key, group in groups]
        last = ["value", "sd", "low", "high", "interval", "n", "missing", "reason", "footing"]
        columns = [*by, *last, "higher_is_better", "seconds", "answers"]
        return pd.DataFrame(rows, columns=columns)

    def differences(
        self,
        axis: str | None = None,
        metric: str | None = None,
        over: str | Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return how much the labels of an axis differ, in pairs that agree in all else.

        Parameters
        ----------
        axis
            Whose labels are compared; ``contrast`` unless given.
        metric
            One metric; all of them unless given.
        over
            The axes along which pairs are averaged; all others unless given. What is left is
            told apart.

        Returns
        -------
        pandas.DataFrame
            ``metric``, the labels ``first`` and ``second``; ``value``, the mean of first minus
            second, with ``low`` and ``high`` by a paired bootstrap (empty with fewer than two
            pairs), ``n`` pairs; ``wins``, the share of pairs in which the first is better; and
            a ``note`` where there is no interval.
        """
        axis = self._axis(axis)
        apart = self._apart(axis, over)
        rows = [
            {**block, **row}
            for block, name, higher, scores in self._scores(axis, metric, apart)
            for row in _difference_rows(name, higher, scores, self._labels(axis), block)
        ]
        columns = ["metric", "first", "second", "value", "low", "high", "n", "wins", "note"]
        return pd.DataFrame(rows, columns=[*apart, *columns])

    def ranks(
        self, axis: str | None = None, over: str | Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return the mean rank of each label of an axis by each metric; 1 is the best.

        Runs that agree in all else are ranked among one another, as far as they are ok, and
        where two or more are; ties share their ranks. ``n`` is how many such rankings a label is
        in. ``axis`` and ``over`` as for ``differences``.
        """
        axis = self._axis(axis)
        apart = self._apart(axis, over)
        rows: list[Row] = []
        for block, name, higher, scores in self._scores(axis, None, apart):
            ranked: dict[Label, list[float]] = defaultdict(list)
            for by_label in scores if higher is not None else ():
                if len(by_label) > 1:
                    for label, rank in ranks(by_label, higher_is_better=bool(higher)).items():
                        ranked[label].append(rank)
            rows += [
                {**block, "metric": name, axis: label, "rank": mean_of(own).value, "n": len(own)}
                for label in self._labels(axis)
                if (own := ranked.get(label))
            ]
        return pd.DataFrame(rows, columns=[*apart, "metric", axis, "rank", "n"])

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

    def to_html(self, beside: Path | None = None) -> str:
        """Return one page that needs no other file.

        Parameters
        ----------
        beside
            The folder from which links to the runs' own reports lead; ``directory`` unless given.
        """
        from causalxai.comparison.page import render_comparison

        return render_comparison(self, beside or self.directory)

    def write(self, directory: str | Path | None = None) -> Path:
        """Write the page, the table, the figures as JSON and the spec; return the page's path.

        Raises
        ------
        DataError
            If it cannot be written there.
        """
        folder = Path(directory or self.directory)
        told = json.dumps(self._json(), indent=1, ensure_ascii=False, allow_nan=False)
        texts = {
            "comparison.html": self.to_html(folder),
            "comparison.csv": self.table.to_csv(index=False),
            "comparison.json": told + "\n",
            "spec.yaml": self.yaml,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{folder}: the comparison cannot be written here: {reason}") from error
        return folder / "comparison.html"

    def _json(self) -> dict[str, Any]:
        told = {
            **self.summary(),
            "name": self.name,
            "axes": {axis.name: list(axis.labels) for axis in self.axes},
            "threads": self.threads,
        }
        if self.contrast is not None:
            told |= {"differences": records(self.differences()), "ranks": records(self.ranks())}
        return told

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
            raise ValueError("no axis has two labels or more to compare")
        if found not in self._names:
            hint = did_you_mean(found, self._names)
            raise ValueError(f"there is no axis {found!r}{hint} (axes: {', '.join(self._names)})")
        return found

    def _apart(self, axis: str, over: str | Sequence[str] | None) -> list[str]:
        if over is None:
            return []
        averaged = [over] if isinstance(over, str) else list(over)
        return self._without(axis, *map(self._axis, averaged))

    def _scores(
        self, axis: str, metric: str | None, apart: list[str]
    ) -> Iterator[tuple[Row, str, bool | None, list[dict[Label, float]]]]:
        """Yield, by block and metric, the scores by label of runs that agree in all else."""
        table = self.table[(self.table.part == "") & (self.table.status == "ok")]
        table = table[table.value.notna()]
        if metric is not None:
            table = table[table.metric == metric]
        for key, group in table.groupby([*apart, "metric"], sort=False):
            block = dict(zip(apart, key, strict=False))
            pairs: dict[tuple[Label, ...], dict[Label, float]] = defaultdict(dict)
            for row in group.to_dict("records"):
                pairs[tuple(row[name] for name in self._without(axis))][row[axis]] = row["value"]
            direction = group.higher_is_better.iloc[0]
            higher = None if pd.isna(direction) else bool(direction)
            yield block, str(key[-1]), higher, list(pairs.values())


def records(frame: pd.DataFrame) -> list[Row]:
    """Return a frame's rows as plain JSON, what is missing as ``None``."""
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
        "footing": _all_said(group.footing),
        "higher_is_better": group.higher_is_better.iloc[0],
        "seconds": group.seconds.mean(),
        "answers": group.answers.mean(),
        "interval": "",
    }
    if len(found) == 0:
        return row
    mean = asdict(mean_of(found.value.tolist()))
    if len(found) > 1:
        return row | mean | {"interval": "replicates"}
    low, high = found.low.iloc[0], found.high.iloc[0]
    return row | mean | {"low": low, "high": high, "interval": "" if pd.isna(low) else "samples"}


def _all_said(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _difference_rows(
    metric: str,
    higher: bool | None,
    scores: Sequence[dict[Label, float]],
    labels: Sequence[Label],
    block: Row,
) -> Iterator[Row]:
    for first, second in combinations(labels, 2):
        pairs = [(each[first], each[second]) for each in scores if {first, second} <= each.keys()]
        row: Row = {"metric": metric, "first": first, "second": second, "n": len(pairs)}
        if not pairs:
            yield {**row, "note": "no pair of runs has both"}
            continue
        ours, theirs = zip(*pairs, strict=True)
        names = (metric, str(first), str(second), *map(str, block.values()))
        found = paired_difference(ours, theirs, higher, *names)
        note = "a single pair: no interval" if len(pairs) == 1 else ""
        estimate = found.estimate
        yield {
            **row,
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "wins": found.wins,
            "note": note,
        }


def _run_json(entry: Entry) -> Row:
    outcome = entry.outcome
    return {
        "labels": dict(entry.cell.labels),
        "control": entry.cell.control,
        "status": outcome.status,
        "reason": outcome.reason,
        "directory": outcome.directory and str(outcome.directory),
        "computed": list(outcome.computed),
        "costs": {stage: asdict(cost) for stage, cost in outcome.costs.items()},
    }
