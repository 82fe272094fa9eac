"""Figures and tables of a report as files for a paper."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

from causalxai.report.plots import FigureKind
from causalxai.report.section import Figure, Section, Table

_Item = TypeVar("_Item", Figure, Table)


def exported(sections: Sequence[Section], kind: FigureKind) -> dict[str, bytes]:
    """Return all figures in a format, and all tables as CSV and as LaTeX, by file name.

    Parameters
    ----------
    sections
        Rendered within ``causalxai.report.plots.saved_also_as``; a figure that was not drawn by
        matplotlib keeps its own format.
    kind
        The format.
    """
    return dict(_files(sections, kind))


def _files(sections: Sequence[Section], kind: FigureKind) -> Iterator[tuple[str, bytes]]:
    for number, section in enumerate(sections, start=1):
        figures = [item for item in section.items if isinstance(item, Figure)]
        tables = [item for item in section.items if isinstance(item, Table)]
        for name, figure in _named(number, section, figures):
            kept = figure.saved
            yield _own_file(name, figure) if kept is None else (f"{name}.{kind}", kept)
        for name, table in _named(number, section, tables):
            yield f"{name}.csv", as_csv(table).encode()
            yield f"{name}.tex", as_latex(table).encode()


def figure_files(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    """Yield each figure as it is in the report, named after its number and its section's title."""
    for number, section in enumerate(sections, start=1):
        figures = [item for item in section.items if isinstance(item, Figure)]
        for name, figure in _named(number, section, figures):
            yield _own_file(name, figure)


def _named(number: int, section: Section, items: Sequence[_Item]) -> Iterator[tuple[str, _Item]]:
    title = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")
    for index, item in enumerate(items, start=1):
        yield f"{number:02d}-{title}" + (f"-{index}" if len(items) > 1 else ""), item


def _own_file(name: str, figure: Figure) -> tuple[str, bytes]:
    if figure.svg is not None:
        return f"{name}.svg", figure.svg.encode()
    return f"{name}.png", figure.png or b""


def as_csv(table: Table) -> str:
    """Return a table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.columns, *table.rows])
    return text.getvalue()


def as_latex(table: Table) -> str:
    """Return a table as LaTeX, which needs the package ``booktabs``."""
    lines = [" & ".join(map(escaped, row)) + r" \\" for row in (table.columns, *table.rows)]
    return "\n".join([
        rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}", r"\toprule", lines[0], r"\midrule",
        *lines[1:], r"\bottomrule", r"\end{tabular}", "",
    ])  # fmt: skip


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "→": r"$\rightarrow$", "—": "---", "↔": r"$\leftrightarrow$", "\N{MINUS SIGN}": "$-$",
    "²": "$^2$", **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}  # fmt: skip
_MARKS = re.compile("|".join(map(re.escape, _SPECIAL)))


def escaped(text: str) -> str:
    """Return text in which LaTeX finds no commands."""
    return _MARKS.sub(lambda found: _SPECIAL[found[0]], text)
