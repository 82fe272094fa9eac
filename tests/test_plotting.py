from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import matplotlib as mpl
import pytest
import torch
from matplotlib import pyplot
from matplotlib.axes import Axes

from causalxai import CausalGraph, Explanation
from causalxai.plotting import draw_with
from causalxai.testing import toy_world


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    with mpl.rc_context({"backend": "Agg"}):
        yield
        pyplot.close("all")


def test_each_makes_a_figure_of_its_own_or_draws_on_given_axes():
    world = toy_world(0)
    images = world.dataset.test.images[:2]
    explanation = Explanation(images, torch.zeros(2, dtype=torch.int64), ("a",), torch.ones(2, 1))
    things = [CausalGraph("ab", [("a", "b")]), explanation, world.dataset]
    for number, thing in enumerate(things):
        assert thing.plot().figure.number == number + 1
        _, given = pyplot.subplots(num="given", clear=True)
        assert thing.plot(axes=given) is given
        pyplot.close("given")


def test_another_module_can_draw(monkeypatch: pytest.MonkeyPatch):
    drawn = ModuleType("drawn_elsewhere")
    drawn.plot_graph = lambda graph, axes: (graph, axes)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "drawn_elsewhere", drawn)
    graph = CausalGraph("ab", [("a", "b")])
    draw_with("drawn_elsewhere")
    try:
        assert graph.plot() == (graph, None)
    finally:
        draw_with("causalxai.report.axes")
    assert isinstance(graph.plot(), Axes)
