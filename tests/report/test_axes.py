from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from causalxai import CausalGraph, Edge, Explanation
from causalxai.errors import CapabilityError
from causalxai.report.axes import plot_explanation, plot_graph, plot_images, plot_run
from causalxai.report.plots import OPPOSE, SUPPORT
from causalxai.testing import toy_world


@pytest.fixture
def axes():
    return Figure().subplots()


def explained(**claims) -> Explanation:
    return Explanation(torch.rand(2, 3, 4, 4), torch.tensor([0, 1]), **claims)


def test_a_graph_has_its_names_and_its_weights(axes):
    plot_graph(CausalGraph(["cause", "effect"], [Edge("cause", "effect", weight=-0.5)]), axes)
    written = {text.get_text() for text in axes.texts}
    assert {"cause", "effect", "\N{MINUS SIGN}0.50"} <= written
    # A column is wider than a row is high, whatever the axes' own shape.
    assert axes.get_aspect() == pytest.approx(0.7 / 1.9)


def test_importances_are_bars_the_strongest_first(axes):
    importance = torch.tensor([[0.0, 0.0, 0.0], [0.5, -2.0, 1.0]])
    plot_explanation(explained(concepts=("a", "b", "$c"), importance=importance), 1, axes)
    assert [bar.get_width() for bar in axes.patches] == [-2.0, 1.0, 0.5]
    colours = [to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert colours == [OPPOSE, SUPPORT, SUPPORT]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "$c", "a"]
    assert axes.get_title() == "image 1, class index 1"


def test_maps_lie_over_their_images(axes):
    heat = torch.tensor([[0.0, 1.0], [-2.0, 0.0]]).expand(2, 2, 2)
    plot_explanation(explained(maps={"a map": heat}), -1, axes)
    shadow, over = axes.images
    assert shadow.get_array().shape == (4, 4)
    assert over.get_clim() == (-2, 2)
    assert axes.get_title() == "image 1, class index 1: a map"


@pytest.mark.parametrize("image", [2, -3])
def test_only_images_that_were_explained_are_plotted(axes, image: int):
    with pytest.raises(IndexError, match=r"from 0 to 1, not .*: 2 were explained"):
        plot_explanation(explained(concepts=("a",), importance=torch.ones(2, 1)), image, axes)


def test_images_of_each_class_have_their_class_as_title(axes):
    dataset = toy_world(0).dataset
    plot_images(dataset, 4, axes)
    shown = axes.child_axes
    assert len(shown) == 4
    assert {one.get_title() for one in shown} <= set(dataset.class_names)
    assert len({one.get_title() for one in shown}) == min(4, len(dataset.class_names))


def test_of_a_run_the_graph_or_else_the_explanation_is_plotted(axes):
    graph = CausalGraph("ab", [("a", "b")])
    explanation = explained(concepts=("c",), importance=torch.ones(2, 1))

    def run(graph, explanation):
        return SimpleNamespace(pipeline=SimpleNamespace(graph=graph, explanation=explanation))

    plot_run(run(graph, explanation), axes)
    assert {text.get_text() for text in axes.texts} >= {"a", "b"}
    bars = plot_run(run(None, explanation), Figure().subplots())
    assert len(bars.patches) == 1
    with pytest.raises(CapabilityError, match="neither a graph nor an explanation"):
        plot_run(run(None, None), axes)
