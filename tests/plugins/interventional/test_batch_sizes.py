from __future__ import annotations

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F

from causalxai_interventional.batch_sizes import read_batch_sizes_in_place


class PadsItself(nn.Conv2d):
    """A convolution that pads more on the right, as TensorFlow does."""

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)))


class CountsFirst(nn.Module):
    """Reads the number of images in the beginning, and uses it in the end."""

    def __init__(self, way: str = "size") -> None:
        super().__init__()
        self.conv1 = PadsItself(1, 3, 2)
        self.conv2 = PadsItself(3, 4, 2)
        self.fc = nn.Linear(4, 3)
        self.way = way

    def forward(self, images):
        rows = {
            "size": lambda: images.size(0),
            "size of all": lambda: images.size()[0],
            "shape": lambda: images.shape[0],
        }[self.way]()
        x = F.relu(self.conv2(F.relu(self.conv1(images))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).view(rows, -1))


def views(graph):
    return [node for node in graph.graph.nodes if node.target == "view"]


@pytest.mark.parametrize("way", ["size", "size of all", "shape"])
def test_a_view_counts_the_rows_of_what_it_views(way, seeded):
    model = CountsFirst(way)
    graph = fx.symbolic_trace(model)
    read_batch_sizes_in_place(graph)

    (view,) = views(graph)
    assert view.args[1].target == "size"
    assert view.args[1].args == (view.args[0], 0)
    for n in (1, 4):
        images = torch.rand(n, 1, 6, 6)
        torch.testing.assert_close(graph(images), model(images))


class ViewsByAWeight(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 2))

    def forward(self, images):
        return images.view(self.weight.size(0), -1)


def test_the_size_of_a_weight_stays():
    graph = fx.symbolic_trace(ViewsByAWeight())
    read_batch_sizes_in_place(graph)

    (view,) = views(graph)
    assert view.args[1].args[0].op == "get_attr"


@pytest.mark.parametrize("strategy", ["dataflow", "vmap", "expanded", "serial"])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_filters_of_such_a_network_are_removed_exactly(
    strategy, layer, seeded, make_classifier, make_oracle, assert_as_naive, some_of, rng
):
    classifier = make_classifier(CountsFirst(), (1, 6, 6), 3)
    oracle = make_oracle(classifier, "filter", strategy)
    assert_as_naive(oracle, torch.rand(5, 1, 6, 6, generator=rng), some_of(oracle, layer, 3))
