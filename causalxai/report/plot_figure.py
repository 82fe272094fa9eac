"""The matplotlib figures of reports, which are laid out without being drawn twice."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text


class DrawnOnceFigure(Figure):
    """A figure that is drawn once when it is saved.

    ``savefig`` first draws a figure on a renderer that is switched off, for the layout's sake, and
    then once more without a layout. The first of the two only needs the layout.
    """

    def draw(self, renderer: RendererBase) -> None:
        """Draw; where ``savefig`` only wants the layout, compute that alone."""
        engine = self.get_layout_engine()
        if isinstance(engine, ConstrainedLayoutEngine) and self.canvas.is_saving():
            engine.execute(self)
        else:
            super().draw(renderer)


def texts_of(artist: Artist) -> Iterator[Text]:
    """Yield all texts within an artist, except those of ticks that are not made yet.

    ``Artist.findobj`` makes the ticks of every axis first, also of those without any.
    """
    if isinstance(artist, Text):
        yield artist
    for child in _children(artist):
        yield from texts_of(child)


def _children(artist: Artist) -> list[Artist]:
    if not isinstance(artist, Axis):
        return artist.get_children()
    # Asked for by name, these attributes of an axis make their first tick.
    made = vars(artist)
    ticks = (*made.get("majorTicks", ()), *made.get("minorTicks", ()))
    return [artist.label, artist.offsetText, *ticks]
