"""What the benchmark of trainings counts, and the StyleGAN2 that it compares with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.nn import functional as F

from causalxai_glance.twin.generator import ModulatedConv2d

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def stylegan2(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("_stylegan2")


@pytest.fixture
def convolutions(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("_convolutions")


@pytest.fixture
def training(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("training")


@pytest.mark.parametrize("kernel", [1, 3])
def test_the_grouped_convolution_is_that_of_the_twin(stylegan2: ModuleType, kernel: int):
    torch.manual_seed(0)
    reference = stylegan2.ModulatedConv(4, 6, kernel, 5, demodulate=kernel == 3)
    ours = ModulatedConv2d(4, 6, kernel, 5, demodulate=kernel == 3)
    ours.load_state_dict(
        {
            "weight": reference.weight[0] * reference.scale,
            "affine.weight": reference.affine.weight * reference.affine.scale,
            "affine.bias": reference.affine.bias,
        }
    )
    x, styles = torch.randn(3, 4, 8, 8), torch.randn(3, 5)
    torch.testing.assert_close(reference(x, styles), ours(x, styles), rtol=1e-4, atol=1e-5)


def test_its_upsampling_doubles_and_keeps_a_constant_inside(stylegan2: ModuleType):
    for found in (
        stylegan2.doubled(torch.ones(1, 2, 6, 6)),
        stylegan2.blur(torch.ones(1, 2, 14, 14), (1, 1)),
    ):
        torch.testing.assert_close(found[:, :, 3:-3, 3:-3], torch.ones_like(found)[..., 3:-3, 3:-3])
    assert stylegan2.doubled(torch.ones(1, 2, 6, 6)).shape == (1, 2, 12, 12)


def test_a_step_changes_all_weights_of_both_networks(stylegan2: ModuleType):
    torch.manual_seed(0)
    images = torch.rand(8, 3, 16, 16)
    gan = stylegan2.StyleGan2([8, 8, 4], [4, 8, 8], images, latents=5, layers=2)
    networks = (gan.generator, gan.discriminator)
    before = [weight.clone() for network in networks for weight in network.parameters()]
    assert gan.generator(gan.generator.styles(torch.randn(2, 5))).shape == (2, 3, 16, 16)
    gan.step(0)
    after = [weight for network in networks for weight in network.parameters()]
    assert not any(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_convolutions_are_counted_with_their_arithmetic(convolutions: ModuleType):
    x = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(5, 3, 3, 3, requires_grad=True)

    def work() -> None:
        for _ in range(2):
            F.conv2d(x, weight, padding=1).sum().backward()

    with convolutions.Convolutions() as found:
        work()
    assert sorted(found.calls.values()) == [2, 2]
    one = 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3)
    # Forward, and backward to the images and to the weights.
    assert found.flops == convolutions.flops(work) == 2 * 3 * one


def test_each_repetition_is_timed_alone(convolutions: ModuleType):
    with convolutions.Convolutions() as found:
        for _ in range(3):
            F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3))
    times = iter(range(100))
    assert found.seconds(lambda: next(times)) == 3


def test_regularisers_count_by_their_share_of_the_steps(training: ModuleType):
    steps = range(16)
    cost = {training.PLAIN: [1.0], training.PATH: [3.0], training.BOTH: [8.0]}
    kinds = [
        training.BOTH if k % 16 == 0 else training.PATH if k % 4 == 0 else training.PLAIN
        for k in steps
    ]
    mean = sum(cost[kind][0] for kind in kinds) / 16
    assert training.amortised(cost, 4, 16) == pytest.approx(mean)
