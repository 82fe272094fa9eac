"""What generator and classifier share: the cosine of the information, not of its estimates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier
from causalxai.network.hidden_layer import HiddenLayer
from causalxai_dvae.autoencoder import AutoencoderConfig, DiscreteAutoencoder
from causalxai_dvae.fisher import functional_fisher
from causalxai_dvae.fisher_overlap import Shared, shared_information
from causalxai_dvae.generator import Generator, GeneratorConfig

WIDTH = 16


class Linear(Generator):
    """Pixels whose logits are linear."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__(WIDTH, (1, 1, len(weight)), GeneratorConfig())
        self.register_buffer("weight", weight)

    def forward(self, activations: Tensor) -> Tensor:
        return (activations @ self.weight.T)[:, None, None]


def layer_of(weight: Tensor) -> HiddenLayer:
    head = nn.Linear(WIDTH, 2)
    head.weight.data = torch.stack([torch.zeros(WIDTH), weight])
    model = nn.Sequential(nn.Flatten(), head)
    return Classifier(model, class_names=("a", "b"), image_shape=(1, 4, 4)).hidden()


def spread_over_pixels(weight: Tensor, pixels: int = 512) -> Tensor:
    """Return orthogonal columns of the lengths that ``weight`` has."""
    drawn = torch.randn(pixels, WIDTH, generator=torch.Generator().manual_seed(1))
    return torch.linalg.qr(drawn).Q * weight.abs()


def share(generator: Generator, weight: Tensor, samples: int = 8) -> Shared:
    code = DiscreteAutoencoder(WIDTH, AutoencoderConfig(bits=4, hidden=(8,))).eval()
    phi = 0.1 * torch.randn(200, WIDTH, generator=torch.Generator().manual_seed(2))
    rng = torch.Generator().manual_seed(3)
    return shared_information(generator, layer_of(weight), code, phi, rng=rng, samples=samples)


@pytest.fixture
def weight() -> Tensor:
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(0))


def test_equal_information_is_shared_wholly_though_its_estimates_are_not_alike(weight: Tensor):
    generator, rng = Linear(spread_over_pixels(weight)), torch.Generator().manual_seed(0)
    one, other = (
        functional_fisher(generator, torch.zeros(200, WIDTH), rng=rng, samples=8) for _ in range(2)
    )
    assert float(torch.cosine_similarity(one, other).mean()) < 0.9
    shared = share(generator, weight, samples=8)
    assert shared.cosine() == pytest.approx(1, abs=0.02)
    assert shared.by_chance() < 0.6
    assert shared.of_means > 0.99


def test_the_cosine_is_that_of_the_squared_weights(weight: Tensor):
    # Small weights: pixels stay at one half, so that the information is proportional to squares.
    other = torch.rand(WIDTH, generator=torch.Generator().manual_seed(4))
    shared = share(Linear(spread_over_pixels(0.1 * other)), 0.1 * weight, samples=64)
    expected = torch.cosine_similarity(weight.square(), other.square(), dim=0)
    assert shared.cosine() == pytest.approx(float(expected), abs=0.02)
    assert shared.of_means == pytest.approx(float(expected), abs=0.02)


def test_nothing_in_common_is_nothing_shared(weight: Tensor):
    halves = torch.arange(WIDTH) < WIDTH // 2
    generator = Linear(spread_over_pixels(weight * halves))
    shared = share(generator, weight * ~halves)
    assert shared.cosine() < 1e-6
    assert shared.apart.shape == shared.shuffled.shape == (200,)


def test_a_classifier_that_is_all_but_certain_still_shares(weight: Tensor):
    # Its information is 1e-26 and less: squared, single precision would have none.
    shared = share(Linear(weight[None]), weight, samples=8)
    certain = share(Linear(weight[None]), 60 * weight, samples=8)
    assert shared.cosine() > 0.99
    assert certain.cosine() > 0.99


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_both_estimates_take_as_many_draws(weight: Tensor, samples: int):
    with pytest.raises(ValueError, match="an even number"):
        share(Linear(weight[None]), weight, samples)
