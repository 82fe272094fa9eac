from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Classifier, Dataset, Intervention, ScoringInputs, Split
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterLayer, ParameterSpace


class SmallCnn(nn.Module):
    """Two convolutions and two linear layers, called as functions, flattened by a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.fc1 = nn.Linear(6 * 9, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc2(F.relu(self.fc1(x)))


SMALL_SHAPE = (1, 15, 15)
TOLERANCE = 2e-6


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def small() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = SmallCnn()
    return classifier_of(model, SMALL_SHAPE, 3)


@pytest.fixture
def make_classifier() -> Callable[..., Classifier]:
    return classifier_of


def classifier_of(model: nn.Module, shape: tuple[int, int, int], classes: int) -> Classifier:
    return Classifier(model, class_names=[str(k) for k in range(classes)], image_shape=shape)


@pytest.fixture
def make_oracle() -> Callable[..., ParameterOracle]:
    def make(
        classifier: Classifier,
        granularity: str = "slice",
        strategy: str = "auto",
        layers: Sequence[str] | None = None,
        **settings: object,
    ) -> ParameterOracle:
        space = ParameterSpace(granularity=granularity, layers=layers)
        space.fit(classifier, None, rng=torch.Generator())
        return ParameterOracle(strategy=strategy).bind(classifier, space, **settings)

    return make


@pytest.fixture
def naive() -> Callable[..., Tensor]:
    """The slow truth: edit the weights in place, run the network, restore."""

    @torch.no_grad()
    def ask(
        oracle: ParameterOracle, images: Tensor, concepts: Sequence[int], value: float = 0.0
    ) -> Tensor:
        model = oracle.classifier.model
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        for concept in concepts:
            for layer in oracle.space.layers:
                if concept in layer.indices:
                    scale(model.get_submodule(layer.name), layer, concept - layer.first, value)
        logits = model(images)
        model.load_state_dict(before)
        return logits

    return ask


def scale(module: nn.Module, layer: ParameterLayer, local: int, value: float) -> None:
    """Scale what belongs to one concept of a layer, in place."""
    match layer.granularity:
        case "slice":
            module.weight[divmod(local, layer.sources)] *= value
        case "filter":
            module.weight[local] *= value
        case "neuron":
            module.weight[local] *= value
            if module.bias is not None:
                module.bias[local] *= value
        case "head":
            width = module.weight.shape[1] // layer.destinations
            module.weight[:, local * width : (local + 1) * width] *= value


@pytest.fixture
def assert_as_naive(naive: Callable[..., Tensor]) -> Callable[..., None]:
    """Answers equal the naive loop's, and effects are far above the tolerance."""

    def check(
        oracle: ParameterOracle, images: Tensor, concepts: Sequence[int], value: float = 0.0
    ) -> None:
        units = oracle.space.encode(images)
        answers = oracle.query(units, Intervention.set(torch.tensor(concepts), value)).logits
        expected = torch.stack([naive(oracle, images, [concept], value) for concept in concepts])
        effect = (expected - oracle.classifier.logits(images)).abs().max()
        tolerance = TOLERANCE * max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(answers, expected, rtol=0, atol=tolerance)
        assert effect > 100 * tolerance, "the effects are too small to test anything"

    return check


@pytest.fixture
def some_of() -> Callable[[ParameterOracle, str, int], list[int]]:
    """Some concepts of a layer, at random."""

    def drawn(oracle: ParameterOracle, layer_name: str, count: int) -> list[int]:
        layer = oracle.space.layer(layer_name)
        generator = torch.Generator().manual_seed(5)
        rows = torch.randperm(layer.count, generator=generator)[:count]
        return [layer.first + row for row in rows.tolist()]

    return drawn


@pytest.fixture
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


@pytest.fixture
def inputs(small: Classifier, rng: torch.Generator, make_oracle) -> ScoringInputs:
    """A small classifier that is right on most images and wrong on the last ten."""
    images = torch.rand(60, *SMALL_SHAPE, generator=rng)
    model = small.model
    with torch.no_grad():
        # Centre the logits, so that all classes are predicted.
        model.fc2.weight *= 10
        model.fc2.bias -= small.logits(images).mean(dim=0)
    labels = small.predict(images)
    labels[-10:] = (labels[-10:] + 1) % 3
    split = Split(images, labels)
    oracle = make_oracle(small)
    return ScoringInputs(
        classifier=small,
        dataset=Dataset(split, split, small.class_names),
        rng=rng,
        space=oracle.space,
        oracle=oracle,
    )
