"""Which unit of the last layer moves the logit of which class is measured."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai.classifier import Classifier
from causalxai.network.probe_images import probe_images
from causalxai_interventional.class_units import class_units

SHAPE = (1, 6, 6)
MATRIX = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])


class After(nn.Module):
    """A linear layer and what is done with its units."""

    def __init__(self, then=lambda units: units, width=3) -> None:
        super().__init__()
        self.last = nn.Linear(36, width)
        self.then = then

    def forward(self, x):
        return self.then(self.last(x.flatten(1)))


class Convolutional(nn.Module):
    """Its classes are channels, behind an activation and a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(1, 3, 3)

    def forward(self, x):
        return F.relu(self.last(x)).mean(dim=(2, 3)).roll(1, dims=1)


class Again(nn.Module):
    """A layer that reads its own units."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(36, 3)
        self.last = nn.Linear(3, 3)

    def forward(self, x):
        return self.last(torch.tanh(self.last(self.first(x.flatten(1)))))


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Linear(36, 3)
        self.last = nn.Linear(36, 3)

    def forward(self, x):
        flat = x.flatten(1)
        return (self.other(flat) + self.last(flat)) / 2


def units_of(model, make_classifier):
    classifier = make_classifier(model, SHAPE, 3)
    return class_units(classifier, classifier.model.last, probe_images(SHAPE))


@pytest.mark.parametrize(
    ("then", "units"),
    [
        (lambda units: units, [0, 1, 2]),
        (lambda units: units.flip(1), [2, 1, 0]),
        (lambda units: units[:, [1, 2, 0]], [1, 2, 0]),
        (lambda units: units[:, [1, 2, 0]] / 3 + 5, [1, 2, 0]),
        (lambda units: torch.tanh(units).roll(1, dims=1), [2, 0, 1]),
        (lambda units: units.double(), [0, 1, 2]),
    ],
    ids=["identity", "flip", "permutation", "scaled permutation", "activation", "dtype"],
)
def test_each_class_has_a_unit_of_its_own(then, units, seeded, make_classifier):
    assert units_of(After(then), make_classifier).tolist() == units


@pytest.mark.parametrize(
    "then",
    [
        lambda units: units @ MATRIX,
        lambda units: units.log_softmax(dim=1),
        lambda units: F.normalize(units, dim=1),
        lambda units: units - units.mean(dim=1, keepdim=True),
        lambda units: units[:, [0, 0, 1]],
        lambda units: units + (units.amax(dim=1, keepdim=True) - 20).relu(),
    ],
    ids=["matrix", "log-softmax", "normalised", "centred", "doubled", "only when large"],
)
def test_units_and_classes_that_do_not_belong_together(then, seeded, make_classifier):
    assert units_of(After(then), make_classifier) is None


def test_channels_count_as_units(seeded, make_classifier):
    assert units_of(Convolutional(), make_classifier).tolist() == [2, 0, 1]


def test_the_last_of_two_heads_has_its_units(seeded, make_classifier):
    assert units_of(TwoHeads(), make_classifier).tolist() == [0, 1, 2]


def test_a_layer_that_runs_twice_mixes_its_units(seeded, make_classifier):
    assert units_of(Again(), make_classifier) is None


def test_fewer_units_than_classes_are_no_classes(seeded, make_classifier):
    model = After(lambda units: torch.cat([units, units[:, :1]], dim=1), width=2)
    assert units_of(model, make_classifier) is None


@pytest.mark.parametrize("chosen", [[3, 0, 5], [1, 2, 4]])
@pytest.mark.parametrize("factor", [1, 0.5])
def test_units_of_other_classes_are_left_out(chosen, factor, seeded, make_classifier):
    model = After(lambda units: factor * units[:, chosen], width=6)
    assert units_of(model, make_classifier).tolist() == chosen


def test_units_of_other_classes_that_move_logits_are_no_others(seeded, make_classifier):
    model = After(lambda units: units[:, :3] + units[:, 5:], width=6)
    assert units_of(model, make_classifier) is None
    model = After(lambda units: units[:, :3] + (units[:, 5:] - 20).relu(), width=6)
    assert units_of(model, make_classifier) is None


def test_units_that_never_differ_are_tried_all_the_same(make_classifier):
    model = After(lambda units: units.flip(1))
    with torch.no_grad():
        model.last.weight.zero_()
        model.last.bias.fill_(1.0)
    assert units_of(model, make_classifier).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("then", "output", "classes", "units"),
    [
        (lambda units: units, "logits", (4, 0, 2), [4, 0, 2]),
        (lambda units: units.softmax(dim=1), "probabilities", (4, 0, 2), [4, 0, 2]),
        (lambda units: (units / 2).softmax(dim=1), "probabilities", (4, 0, 2), None),
    ],
)
def test_the_units_behind_an_adapter_are_found(then, output, classes, units, seeded):
    classifier = Classifier(
        After(then, width=6),
        class_names="abc",
        image_shape=SHAPE,
        mean=0.5,
        output=output,
        classes=classes,
    )
    found = class_units(classifier, classifier.model.last, probe_images(SHAPE))
    assert (None if found is None else found.tolist()) == units
