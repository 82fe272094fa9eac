"""Sections: the parts of a report that a plugin contributes, with text, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causalxai.short_repr import short_repr
from causalxai.storage.record import Json


@dataclass(frozen=True)
class Text:
    """A paragraph; plain text, escaped when it is shown."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under named columns; cells are shown as they are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    __repr__ = short_repr


@dataclass(frozen=True)
class Figure:
    """A picture: SVG source, or PNG bytes.

    Parameters
    ----------
    svg, png
        The figure, as one of the two.
    caption
        What it shows and how to read it.
    alt
        A description for readers who cannot see it.
    graph
        The graph that is drawn, as ``causalxai.report.graph_view`` describes it: readers of the
        page can explore it. ``None`` for all other figures.
    saved
        The figure as a file of the format that was asked for; ``None`` if none was.
    folded
        The words under which the page folds the figure away, because it shows the same elsewhere;
        empty if it is shown at once. Print shows it.
    """

    caption: str
    alt: str
    svg: str | None = None
    png: bytes | None = None
    graph: Mapping[str, Json] | None = None
    saved: bytes | None = None
    folded: str = ""

    __repr__ = short_repr


@dataclass(frozen=True)
class Section:
    """A part of the report under its own heading.

    Parameters
    ----------
    title
        The heading.
    items
        What is below it, in order.
    finding
        What the section found, as one plain sentence for the first screen of the report; empty
        if it has nothing to add there.
    doubt
        What of it is not to be believed, as one plain sentence; empty if nothing is known against
        it.
    trust
        How far what a run shows can be trusted, as one plain sentence with what was measured, for
        the first screen; empty if nothing was measured.
    """

    title: str
    items: Sequence[Text | Table | Figure]
    finding: str = ""
    doubt: str = ""
    trust: str = ""

    __repr__ = short_repr


def fault_of_section(section: object) -> str | None:
    """Return how a plugin's section is unsound, in words; ``None`` if it is not."""
    if not isinstance(section, Section):
        return f"is a {type(section).__name__}, not a Section"
    if not isinstance(section.title, str) or not section.title:
        return "has no title"
    said = (section.finding, section.doubt, section.trust)
    if not all(isinstance(one, str) for one in said):
        return "has a finding, a doubt or a trust that is no text"
    for item in section.items:
        if not isinstance(item, Text | Table | Figure):
            return f"holds a {type(item).__name__}: items are Text, Table and Figure"
        if isinstance(item, Figure) and not _drawn(item):
            return "holds a figure without a picture: svg is text, png is bytes"
    return None


def _drawn(figure: Figure) -> bool:
    """Return whether a figure has one picture."""
    if figure.svg is None:
        return isinstance(figure.png, bytes)
    return isinstance(figure.svg, str) and figure.png is None
