"""Figures as they are before they are embedded."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure as PlotFigure

from causalxai.report import training_curves
from causalxai.report.section import Figure
from causalxai_glance.report import explanation as explanation_figures
from causalxai_glance.report import image_strips as strips
from causalxai_glance.report import twin as figures


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> list[PlotFigure]:
    """Collects the figures that would be embedded, which takes longer than to fill them."""
    seen: list[PlotFigure] = []

    def embed(figure: PlotFigure, caption: str, alt: str, *, raster: bool = False) -> Figure:
        seen.append(figure)
        return Figure(caption, alt, png=b"" if raster else None, svg=None if raster else "")

    for module in (explanation_figures, figures, strips, training_curves):
        monkeypatch.setattr(module, "embed", embed)
    return seen
