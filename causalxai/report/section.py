"""Sections: the parts of a report that a plugin contributes, with text, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
    """

    caption: str
    alt: str
    svg: str | None = None
    png: bytes | None = None


@dataclass(frozen=True)
class Section:
    """A part of the report under its own heading."""

    title: str
    items: Sequence[Text | Table | Figure]
