"""Turns matplotlib figures into figures of the report; equal figures give equal bytes."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING, Any

from causalxai.report.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as PlotFigure

INK = "#1f2933"
"""The colour of text and lines."""
SUPPORT = "#0b7a75"
"""The colour of support for a class, and of correct findings."""
OPPOSE = "#c2410c"
"""The colour of opposition to a class, and of missed findings."""
CATEGORIES = ("#0b7a75", "#c2410c", "#5b4b8a", "#b8860b", "#3a6ea5", "#8c2f39")
"""Colours that are easy to distinguish."""

_STYLE: Any = {
    "svg.hashsalt": "causalxai",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
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


def new_figure(width: float, height: float) -> PlotFigure:
    """Return an empty matplotlib figure in the report's style; sizes in inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as PlotFigure

    with rc_context(_STYLE):
        return PlotFigure(figsize=(width, height), layout="constrained")


def axes_grid(figure: PlotFigure, rows: int, columns: int, **options: Any) -> list[list[Axes]]:
    """Return a grid of axes in the report's style, always a list of rows."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return [list(row) for row in axes]


def embed(figure: PlotFigure, caption: str, alt: str, *, raster: bool = False) -> Figure:
    """Render a figure for the report, as SVG, or as PNG if it has many points or pixels."""
    from matplotlib import rc_context
    from matplotlib.text import Text as PlotText

    # Names of users are text, also where they contain dollar signs.
    for text in figure.findobj(PlotText):
        text.set_parse_math(False)
    buffer = io.BytesIO()
    with rc_context(_STYLE):
        if raster:
            figure.savefig(buffer, format="png", metadata={"Software": None})
            return Figure(caption, alt, png=buffer.getvalue())
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    source = buffer.getvalue().decode()
    return Figure(caption, alt, svg=_numbered(source[source.index("<svg") :]))


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
