"""Measure what the papers' tables measure, and write it down beside the papers' own numbers.

    python benchmarks/results.py [SPEC ...] [--only NAME,NAME] [--set KEY=VALUE ...]
        [--out runs] [--to docs/results.md] [--jobs N] [--threads 1] [--sanity]

``SPEC`` are specs with ``vary``; without any, those of ``specs/paper`` that have one. ``--only``
takes some of these by their names. What the store of ``--out`` has is reused, so that a second call
takes seconds. Sections of ``--to`` that belong to other specs stay as they are. ``--set`` holds for
all specs of a call; a path that it names is not written down.

Every number comes from a comparison's table, but for the papers' own and those of the remarks on
them, which stand in ``_papers``.
"""

from __future__ import annotations

import argparse
import logging
import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from _papers import PAPERS, Labels, Published

from causalxai import Comparison, __version__, compare
from causalxai.comparison.formatting import (
    arrow,
    count,
    interval,
    number,
)
from causalxai.comparison.rows import RowKind
from causalxai.config.document import read_document

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Page:
    """A comparison's section of the page.

    Parameters
    ----------
    comparison
        What was measured.
    published
        What a paper says of it.
    options
        Those of the call, to be told: ``--set KEY=VALUE``, ``--sanity``.
    """

    comparison: Comparison
    published: Published
    options: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the section as Markdown."""
        pooled = self.comparison.scores
        remark = textwrap.fill(self.published.remark, 100, break_on_hyphens=False)
        parts = [f"## {self.published.title}", self._how(), remark]
        for column, scores in self.published.scores.items():
            parts.append(self._beside_the_paper(pooled, column, scores))
        parts += [self._measured(pooled), *self._left_out(pooled)]
        parts.append(textwrap.fill(self.published.lesson, 100, break_on_hyphens=False))
        return "\n\n".join(part for part in parts if part)

    def _how(self) -> str:
        comparison = self.comparison
        specs = [entry.cell.spec for entry in comparison.entries]
        counts = _listed(spec.images.count for spec in specs)
        # Attributions of pixels have no concepts.
        trained = [spec.concepts.config for spec in specs if spec.concepts is not None]
        steps = _listed(getattr(config, "steps", None) for config in trained)
        seeds = len({spec.seed for spec in specs})
        command = " ".join(["causalxai", "compare", _spec_of(comparison.name), *self.options])
        training = f", {steps} training steps of the concepts" if steps else ""
        source = f" Paper: {self.published.source}." if self.published.source else ""
        return (
            f"`{command}` (causalxai {__version__}): {counts} explained images{training}, "
            f"{_count(seeds, 'seed')}.{source}"
        )

    def _beside_the_paper(
        self, pooled: pd.DataFrame, column: str, scores: Mapping[Labels, float]
    ) -> str:
        """Return a table of one column, ours and the paper's."""
        metric, _, part = column.partition(": ")
        own = pooled[pooled.metric == metric]
        rows, used = [], set()
        for labels, group in self._lines(own):
            found = _published(labels, scores)
            used |= {found} - {None}
            score = _row(group, part)
            # What chance gives is known of the score itself, not of its parts.
            chance = None if part else _row_of(group, RowKind.CHANCE)
            paper = "" if found is None else number(scores[found])
            ours = ("none", "") if score is None else _value(score)
            rows.append([*labels, *ours, _value(chance)[0], paper, _yes_or_no(score)])
        # Parts are on scales of their own: which way is better is known of the score alone.
        shown = column if part else _with_arrow(column, own)
        head = [*self._names, shown, "95 %", "chance", "paper", "translated"]
        rest = [f"{', '.join(k)} {number(v)}" for k, v in scores.items() if k not in used]
        note = f"\n\nIn the paper alone: {'; '.join(rest)}." if rest else ""
        return _table(head, rows, len(self._names)) + note

    def _measured(self, pooled: pd.DataFrame) -> str:
        """Return all scores with interval and chance, and what they cost."""
        columns = [*dict.fromkeys(pooled.metric), *self.published.parts]
        rows = []
        for labels, group in self._lines(pooled):
            cells = [_cell(group, column) for column in columns]
            first = group.iloc[0]
            cost = [count(first.seconds), count(first.answers)]
            rows.append([*labels, *cells, *cost])
        heads = [_with_arrow(name, pooled[pooled.metric == name]) for name in columns]
        table = _table([*self._names, *heads, "seconds", "answers"], rows, len(self._names))
        notes = "".join(f"\n\n{note}" for note in self.comparison.reading_notes)
        return f"All scores, with 95 % intervals and (chance; controls):\n\n{table}{notes}"

    def _left_out(self, pooled: pd.DataFrame) -> Iterator[str]:
        """Yield why scores are missing."""
        missing = pooled[(pooled.kind == RowKind.SCORE) & (pooled.missing > 0)]
        reasons: dict[str, list[str]] = {}
        for row in missing.to_dict("records"):
            labels = ", ".join(str(row[name]) for name in self._names)
            reasons.setdefault(str(row["reason"]), []).append(f"{labels} ({row['metric']})")
        if reasons:
            lines = [f"- {'; '.join(who)}: {why}" for why, who in reasons.items()]
            yield "Without a score:\n\n" + "\n".join(lines)

    @property
    def _names(self) -> list[str]:
        return [axis.name for axis in self.comparison.axes if axis.name != "seed"]

    def _lines(self, pooled: pd.DataFrame) -> Iterator[tuple[Labels, pd.DataFrame]]:
        """Yield the rows of each combination of labels; controls say so."""
        controls = {axis.name: axis.controls for axis in self.comparison.axes}
        if not self._names:
            yield (), pooled
            return
        for key, group in pooled.groupby(self._names, sort=False):
            yield (
                tuple(
                    f"{label} (control)" if label in controls[name] else str(label)
                    for name, label in zip(self._names, key, strict=True)
                ),
                group,
            )


def write(path: Path, sections: Mapping[str, str]) -> None:
    """Write sections by name; those that the file has of other names stay."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = dict(re.findall(r"<!-- begin (\S+) -->\n(.*?)\n<!-- end \1 -->", old, flags=re.DOTALL))
    every = {**kept, **sections}
    order = [*(name for name in PAPERS if name in every), *sorted(every.keys() - PAPERS.keys())]
    marked = [f"<!-- begin {name} -->\n{every[name]}\n<!-- end {name} -->" for name in order]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([_HEAD, *marked]) + "\n", encoding="utf-8")


_HEAD = """# Results

Written by `python benchmarks/results.py` from the tables of `causalxai compare`; only the columns
*paper* and the remarks above and below the tables were typed by hand. Each section says which
version of causalxai measured it: numbers of older versions are not those of this one. At lengths
that two cores bear; each spec says how to get the paper's own. Intervals are over the samples of
one run, or over seeds where there are several. *chance*: what the metric says of an explanation, or
a graph, that knows nothing. *translated* (or †): whether the explanation speaks of pixels and
concepts are scored, or the reverse, so that the oracle's pictures translate it, and the score is
one of them as well. *seconds* and *answers* (of the oracle) are what explaining cost, with concepts
and graph where the explanation asks for them or the graph is what is scored, on a busy machine of
two cores; scoring is not counted."""


def _row(group: pd.DataFrame, part: str) -> Any:
    """Return the row of a part of the score, or of the score itself; ``None`` without any."""
    return _row_of(group, RowKind.PART if part else RowKind.SCORE, part)


def _row_of(group: pd.DataFrame, kind: RowKind, name: str = "") -> Any:
    rows = group[(group.kind == kind) & (group["name"] == name)]
    return None if rows.empty else rows.iloc[0]


def _value(row: Any) -> tuple[str, str]:
    """Return a score and its interval in words."""
    if row is None:
        return "", ""
    if pd.isna(row.value):
        return "none", ""
    return number(row.value), interval(row)


def _yes_or_no(row: Any) -> str:
    """Return in words whether a score is of a translated explanation; nothing if not known."""
    if row is None or row.translated is None:
        return ""
    return "yes" if row.translated else "no"


def _cell(every: pd.DataFrame, column: str) -> str:
    """Return a score, its interval, chance and controls in one cell."""
    metric, _, part = column.partition(": ")
    group = every[every.metric == metric]
    row = _row(group, part)
    if row is None:
        return ""
    value, reach = _value(row)
    beside = [] if part else list(_beside(group))
    told = f"({'; '.join(beside)})" if beside else ""
    mark = "†" if row.translated else ""
    return " ".join(text for text in (value + mark, reach, told) if text)


def _beside(group: pd.DataFrame) -> Iterator[str]:
    for row in group.to_dict("records"):
        value = number(row["value"])
        if row["kind"] == RowKind.CHANCE:
            yield value
        elif row["kind"] == RowKind.CONTROL:
            yield f"{row['name']} {value}"


def _published(labels: Labels, scores: Mapping[Labels, float]) -> Labels | None:
    own = {label.lower() for label in labels}
    return next((one for one in scores if own >= {label.lower() for label in one}), None)


def _with_arrow(column: str, rows: pd.DataFrame) -> str:
    return column if rows.empty else f"{column} {arrow(rows.higher_is_better.iloc[0])}".strip()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], labels: int) -> str:
    """Return a table, the columns that say nothing left out."""
    kept = [place for place in range(len(head)) if any(row[place] for row in rows)]
    rule = ["---"] * labels + ["--:"] * (len(head) - labels)
    lines = [[line[place] for place in kept] for line in (head, rule, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spec_of(name: str) -> str:
    """Return the path of the spec of a comparison from the root."""
    shipped = sorted((ROOT / "specs").rglob(f"{name}.yaml"))
    return shipped[0].relative_to(ROOT).as_posix() if shipped else f"specs/paper/{name}.yaml"


def _listed(values: Iterable[object]) -> str:
    known = [str(value) for value in dict.fromkeys(values) if value is not None]
    return " or ".join(known)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _specs(given: Sequence[Path], only: Sequence[str]) -> list[Path]:
    found = list(given) or sorted((ROOT / "specs" / "paper").glob("*.yaml"))
    chosen = [path for path in found if read_document(path).data.get("vary")]
    unknown = set(only) - {path.stem for path in chosen}
    if unknown:
        known = ", ".join(path.stem for path in chosen)
        raise SystemExit(f"--only: no such comparison: {', '.join(unknown)} (there are: {known})")
    return [path for path in chosen if not only or path.stem in only]


def main() -> None:
    """Run, or reuse, and write."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("specs", nargs="*", type=Path)
    parser.add_argument("--only", default="", help="names of specs, with commas")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sanity", action="store_true")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    shown = [one for one in arguments.settings if not one.split("=")[0].endswith("path")]
    told = tuple(f"--set {shlex.quote(setting)}" for setting in shown)
    told += ("--sanity",) * arguments.sanity
    for spec in _specs(arguments.specs, only):
        comparison = compare(
            spec,
            overrides=arguments.settings,
            out=arguments.out,
            jobs=arguments.jobs,
            threads=arguments.threads,
            sanity=arguments.sanity,
        )
        published = PAPERS.get(comparison.name, Published(comparison.name, "none"))
        write(arguments.to, {comparison.name: Page(comparison, published, told).text()})


if __name__ == "__main__":
    main()
