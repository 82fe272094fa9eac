"""Every built-in pair of a concept space and an oracle, as small as in the plugins' own tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from causalxai import (
    BooleanConcept,
    Classifier,
    Concept,
    Dataset,
    ScoringInputs,
    Split,
    Units,
)
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.renderer import Mechanism, StructuralRenderer
from causalxai.seeding import torch_generator
from causalxai.testing import ToyWorld, toy_world
from causalxai_baselines.patch_oracle import PatchOracle
from causalxai_baselines.patch_space import PatchSpace


def conftest_of(plugin: str) -> ModuleType:
    """Load the conftest of a plugin's tests, whose fixtures pytest shows to its own folder only."""
    path = Path(__file__).parents[1] / "plugins" / plugin / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"conftest_of_{plugin}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_glance, _dvae = conftest_of("glance"), conftest_of("dvae")
_interventional = conftest_of("interventional")

squares, looker = _glance.squares, _glance.looker
latent_space, twin_oracle = _glance.latent_space, _glance.twin_oracle
glance_context = _glance.glance_context
bar_data, bar_classifier = _dvae.bar_data, _dvae.bar_classifier
bit_space, bit_oracle, bit_context = _dvae.bit_space, _dvae.bit_oracle, _dvae.bit_context
rng, small, make_oracle = _interventional.rng, _interventional.small, _interventional.make_oracle
inputs = _interventional.inputs


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Keep threads from waiting for each other: tensors here are tiny, and cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def world() -> ToyWorld:
    return toy_world(0)


def patches() -> ScoringInputs:
    """A linear classifier of images with 3 x 3 patches."""
    shape = (2, 7, 10)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(2 * 7 * 10, 2))
    images = torch.rand(40, *shape, generator=torch_generator(1))
    with torch.no_grad():
        model[1].bias -= model(images).mean(dim=0)
    classifier = Classifier(model, class_names="ab", image_shape=shape)
    split = Split(images, classifier.predict(images))
    dataset = Dataset(train=split, test=split, class_names=("a", "b"))
    generator = torch_generator(0)
    space = PatchSpace(grid=3).fit(classifier, dataset, rng=generator)
    oracle = PatchOracle(baseline="black").bind(classifier, space)
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=generator, space=space, oracle=oracle
    )


class Greys(StructuralRenderer):
    """Flat pictures of three channels: light → grey = light / 2 + noise, and a switch."""

    errors = (0.0, 0.0, 0.0)

    def __init__(self, own: Tensor, noise: Tensor) -> None:
        super().__init__(
            concepts=[Concept("light", 0.0, 1.0), Concept("grey", 0.0, 1.0), BooleanConcept("on")],
            columns=[0, 1, 2],
            pictures=[self._draw(torch.arange(len(own)), own)],
            own=own,
            mechanisms=[Mechanism(1, (0,), lambda who, values: values[..., 0] / 2 + noise[who])],
        )

    def _drawable(self, values: Tensor) -> Tensor:
        return torch.cat([values[..., :2].clamp(0, 1), (values[..., 2:] > 0.5).to(values)], dim=-1)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return values.float()[:, :, None, None].expand(-1, -1, 4, 4).contiguous()

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        return images[:, :, 0, 0]


def rendered() -> ScoringInputs:
    """A linear classifier of flat pictures that are drawn from known concepts."""
    generator = torch_generator(0)
    light = 0.6 * torch.rand(40, generator=generator, dtype=torch.float64)
    noise = 0.4 * torch.rand(40, generator=generator, dtype=torch.float64)
    switch = (torch.rand(40, generator=generator) > 0.5).double()
    own = torch.stack([light, light / 2 + noise, switch], dim=1)
    renderer = Greys(own, noise)
    pictures = renderer.draw(
        Units(own.float(), {"individual": torch.arange(40)}), own.float()[None]
    )[0]
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    with torch.no_grad():
        model[2].weight.copy_(torch.tensor([[1.0, 2.0, -0.5], [-1.0, 0.5, 1.0]]))
        model[2].bias.zero_()
        model[2].bias -= model(pictures).mean(dim=0)
    classifier = Classifier(model, class_names="ab", image_shape=(3, 4, 4))
    split = Split(pictures, classifier.predict(pictures), own.float(), own.float())
    dataset = Dataset(
        split, split, ("a", "b"), tuple(c.name for c in renderer.concepts), renderer=renderer
    )
    space = RenderedSpace().fit(classifier, dataset, rng=generator)
    oracle = RendererOracle().bind(classifier, space)
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=generator, space=space, oracle=oracle
    )


@pytest.fixture
def greys() -> ScoringInputs:
    return rendered()


FIXTURES = {"glance": "glance_context", "dvae": "bit_context", "parameters": "inputs"}


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Callable[[str], ScoringInputs]:
    """Return the parts of a run by the name of its concept space."""

    def parts(name: str) -> ScoringInputs:
        if name == "toy":
            return toy_world(0).inputs()
        if name == "patches":
            return patches()
        if name == "rendered":
            return rendered()
        found: ScoringInputs = request.getfixturevalue(FIXTURES[name])
        return found

    return parts
