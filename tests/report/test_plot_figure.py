"""Figures of reports: as matplotlib's own, with less work."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from causalxai.report import plots
from causalxai.report.plot_figure import DrawnOnceFigure, texts_of


def drawn_on(figure: Figure) -> Figure:
    """An image, a scale with minor ticks, and a text outside its axes."""
    image, scale = figure.subplots(1, 2)
    image.imshow(np.arange(6).reshape(2, 3))
    image.set_title("picture")
    scale.set_yscale("log")
    scale.plot([1, 2, 3], [1, 20, 300], label="a line")
    scale.set_xlabel("step")
    scale.text(3.2, 300, "beside the axes")
    scale.legend()
    return figure


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_is_the_one_that_matplotlib_draws(kind: str):
    def saved(make: type[Figure]) -> bytes:
        buffer = io.BytesIO()
        with rc_context({**plots._STYLE, "pdf.compression": 0}):
            figure = drawn_on(make(figsize=(5, 2), layout="constrained"))
            unsaid = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[kind]
            figure.savefig(buffer, format=kind, metadata={unsaid: None})
        return buffer.getvalue()

    assert saved(DrawnOnceFigure) == saved(Figure)


def test_a_figure_is_drawn_once(monkeypatch: pytest.MonkeyPatch):
    drawings = []
    real = Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda *given: drawings.append(given) or real(*given))
    figure = drawn_on(plots.new_figure(5, 2))
    plots.embed(figure, "", "", raster=True)
    assert len(drawings) == 1


def test_all_texts_are_found_and_no_tick_is_made(monkeypatch: pytest.MonkeyPatch):
    figure = drawn_on(plots.new_figure(5, 2))
    figure.suptitle("above all")
    figure.axes[1].set_xticks([1, 2], ["one", "$two$"])
    with monkeypatch.context() as patch:
        patch.setattr(Axis, "_get_tick", None)
        found = {text.get_text() for text in texts_of(figure)}
    written = {"picture", "step", "beside the axes", "a line", "above all", "one", "$two$"}
    assert written <= found
