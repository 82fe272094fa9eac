from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure as PlotFigure

from causalxai.report import training_curves
from causalxai.report.section import Figure
from causalxai.report.training_curves import TrainingCurve, draw_training_curves


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[PlotFigure]:
    """Collects the figures that would be embedded."""
    seen: list[PlotFigure] = []

    def embed(figure: PlotFigure, caption: str, alt: str) -> Figure:
        seen.append(figure)
        return Figure(caption, alt, svg="")

    monkeypatch.setattr(training_curves, "embed", embed)
    return seen


def test_curves_are_running_means():
    at, means = TrainingCurve.at_every_step("loss", np.arange(40.0) ** 2).smoothed()
    assert at[0] == 2.5
    assert means[0] == np.mean([0, 1, 4, 9])
    at, means = TrainingCurve("loss", np.array([3]), np.array([7.0])).smoothed()
    assert (at.tolist(), means.tolist()) == ([3], [7])


def test_a_long_training_has_at_most_some_hundreds_of_points():
    at, means = TrainingCurve.at_every_step("loss", np.ones(10_000)).smoothed()
    assert len(at) == len(means) <= 200
    assert (means == 1).all()


def test_steps_without_a_term_are_left_out():
    curve = TrainingCurve.where_not_zero("loss", np.array([0, 5.0, 0, 7.0]))
    assert (curve.steps.tolist(), curve.values.tolist()) == ([2, 4], [5, 7])


def test_each_term_has_its_curve_and_those_without_values_have_none(drawn: list[PlotFigure]):
    curves = [TrainingCurve.at_every_step(f"term {i}", np.full(3, float(i))) for i in range(6)]
    figure = draw_training_curves(curves, "caption", "alt")
    assert (figure.caption, figure.alt) == ("caption", "alt")
    titles = [axes.get_title() for axes in drawn[0].axes if axes.axison]
    assert titles == [f"term {i}" for i in range(1, 6)]
    lines = [axes.lines[0].get_ydata().tolist() for axes in drawn[0].axes if axes.axison]
    assert lines == [[i, i, i] for i in range(1, 6)]


def test_a_training_without_steps_can_be_drawn():
    assert draw_training_curves([], "caption", "alt").svg is not None
