"""Turns matplotlib figures into figures of the report; equal figures give equal bytes."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from causalxai.report.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure as PlotFigure

FigureKind: TypeAlias = Literal["pdf", "png", "svg"]
"""A format of files of figures."""

INK = "#1f2933"
"""The colour of text and lines."""
SUPPORT = "#0b7a75"
"""The colour of what supports a class, and of positive effects; of nothing else."""
OPPOSE = "#c2410c"
"""The colour of what opposes a class, and of negative effects; of nothing else."""
DOUBT = "#8b3d9e"
"""The colour of what is wrong, or is not to be believed."""
CATEGORIES = ("#3a6ea5", "#b8860b", "#5b4b8a", "#5f7a1f", "#9aa5b1", "#7a4b2f")
"""Colours that are easy to distinguish; none of them is that of support, opposition or doubt."""

_STYLE: Any = {
    "svg.hashsalt": "causalxai",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    # Names of users are text, also where they contain dollar signs.
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa5b1",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.bbox": "tight",
    "savefig.dpi": 160,
}

_HASHED = re.compile(r"""(\bid="|url\(#|href="#)([a-z][0-9a-f]{10})([")])""")


def effect_colours() -> LinearSegmentedColormap:
    """Return the colours of signed effects: opposition and support, and white for 0."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("effects", [OPPOSE, "#ffffff", SUPPORT])


def new_figure(width: float, height: float) -> PlotFigure:
    """Return an empty matplotlib figure in the report's style; sizes in inches."""
    from matplotlib import rc_context

    from causalxai.report.plot_figure import DrawnOnceFigure

    with rc_context(_STYLE):
        return DrawnOnceFigure(figsize=(width, height), layout="constrained")


def axes_grid(figure: PlotFigure, rows: int, columns: int, **options: Any) -> list[list[Axes]]:
    """Return a grid of axes in the report's style, always a list of rows."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return [list(row) for row in axes]


def embed(figure: PlotFigure, caption: str, alt: str, *, raster: bool = False) -> Figure:
    """Render a figure for the report, as SVG, or as PNG if it has many points or pixels."""
    from matplotlib import rc_context

    from causalxai.report.plot_figure import texts_of

    # Those that were made since, outside the report's style.
    for text in texts_of(figure):
        text.set_parse_math(False)
    kind = _WANTED.get()
    with rc_context(_STYLE):
        wanted = None if kind is None else _saved(figure, kind)
        if raster:
            return Figure(caption, alt, png=_saved(figure, "png"), saved=wanted)
        source = _saved(figure, "svg").decode()
    svg = _numbered(source[source.index("<svg") :])
    return Figure(caption, alt, svg=svg, saved=wanted)


@contextmanager
def saved_also_as(kind: FigureKind) -> Iterator[None]:
    """Figures that are rendered within have their file in another format, too."""
    before = _WANTED.set(kind)
    try:
        yield
    finally:
        _WANTED.reset(before)


_WANTED: ContextVar[FigureKind | None] = ContextVar("wanted", default=None)


def _saved(figure: PlotFigure, kind: FigureKind) -> bytes:
    """Return a figure as a file, without the date and the version of what wrote it."""
    unsaid: dict[FigureKind, tuple[str, ...]] = {
        "png": ("Software",),
        "svg": ("Date", "Creator"),
        "pdf": ("CreationDate", "Creator", "Producer"),
    }
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=dict.fromkeys(unsaid[kind]))
    return buffer.getvalue()


def _numbered(svg: str) -> str:
    """Replace hashes in ids by numbers, because they change with the last bit of a coordinate."""
    names = list(dict.fromkeys(match[2] for match in _HASHED.finditer(svg)))
    place = {name: str(number) for number, name in enumerate(names)}
    bare = _HASHED.sub(lambda match: f"{match[1]}{place[match[2]]}{match[3]}", svg)
    # A page has many figures, whose ids must differ.
    own = hashlib.sha256(bare.encode()).hexdigest()[:8]
    return _HASHED.sub(lambda match: f"{match[1]}f{own}-{place[match[2]]}{match[3]}", svg)


def image_axes(axes: Axes, title: str = "") -> Axes:
    """Remove everything from axes but the image and its title."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title, fontsize=8)
    return axes
