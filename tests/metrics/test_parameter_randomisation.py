"""Classifiers that have forgotten."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.metrics.parameter_randomisation import randomised
from causalxai.seeding import torch_generator


class Chain(nn.Module):
    """Declared in another order than they run; the head is tied to the first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(9, 9, bias=False)
        self.last = nn.Linear(9, 3)
        self.first = nn.Conv2d(1, 1, 3, padding=1)
        self.norm = nn.BatchNorm1d(9)
        self.tied = nn.Linear(9, 9, bias=False)
        self.tied.weight = self.head.weight

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.first(images).flatten(1)
        logits: torch.Tensor = self.last(self.head(self.norm(self.tied(x))).relu())
        return logits


@pytest.fixture
def chain() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Chain()
    with torch.no_grad():
        model.norm.weight.copy_(torch.rand(9, generator=torch_generator(4)))
    return Classifier(model, class_names="abc", image_shape=(1, 3, 3), feature_layer="head")


def test_layers_stand_in_the_order_in_which_they_run(chain):
    assert chain.weighted_layers() == ("first", "tied", "norm", "head", "last")


def test_every_tensor_is_a_permutation_of_itself(chain):
    before = {name: t.clone() for name, t in chain.model.state_dict().items()}
    other = randomised(chain, torch_generator(0))
    for name, tensor in other.model.state_dict().items():
        assert torch.equal(chain.model.state_dict()[name], before[name])
        assert torch.equal(tensor.flatten().sort().values, before[name].flatten().sort().values)
    moved = [n for n, p in other.model.named_parameters() if not torch.equal(p, before[n])]
    assert {"head.weight", "last.weight", "first.weight", "norm.weight"} <= set(moved)
    assert other.model.head.weight is other.model.tied.weight
    images = torch.rand(4, 1, 3, 3, generator=torch_generator(1))
    assert not torch.allclose(other.logits(images), chain.logits(images))
    assert (other.class_names, other.image_shape, other.feature_layer) == (
        chain.class_names,
        chain.image_shape,
        chain.feature_layer,
    )


def changed(classifier: Classifier, other: Classifier) -> set[str]:
    before = dict(classifier.model.named_parameters())
    after = dict(other.model.named_parameters())
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_layers_are_shuffled_by_name_or_from_the_top(chain):
    rng = torch_generator(0)
    assert changed(chain, randomised(chain, rng, layers=["first"])) == {"first"}
    assert changed(chain, randomised(chain, rng, layers=0.2)) == {"last"}
    assert changed(chain, randomised(chain, rng, layers=0.3)) == {"last", "head"}
    assert changed(chain, randomised(chain, rng, layers=0.01)) == {"last"}
    assert changed(chain, randomised(chain, rng)) == {"first", "norm", "head", "last"}


def test_the_same_generator_forgets_the_same(chain):
    one, other = (randomised(chain, torch_generator(3)) for _ in range(2))
    assert not changed(one, other)


def test_what_cannot_be_forgotten_is_told(chain):
    with pytest.raises(CapabilityError, match="no layer 'frist'"):
        randomised(chain, torch_generator(0), layers=["frist"])
    with pytest.raises(ValueError, match=r"\(0, 1\], not 0"):
        randomised(chain, torch_generator(0), layers=0.0)
    bare = Classifier(nn.Flatten(), class_names="abcd", image_shape=(1, 2, 2))
    with pytest.raises(CapabilityError, match="no layer with weights"):
        randomised(bare, torch_generator(0))
