"""Every strategy answers as the naive loop does: zero, forward, restore."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from causalxai import Intervention
from causalxai.errors import CapabilityError
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18

STRATEGIES = ("dataflow", "vmap", "expanded", "serial")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1", "fc2"])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_lenet(
    strategy,
    layer,
    granularity,
    seeded,
    make_classifier,
    make_oracle,
    assert_as_naive,
    rng,
    some_of,
):
    model = LeNet((1, 28, 28), 10)
    with torch.no_grad():
        model.fc2.weight *= 20
    oracle = make_oracle(make_classifier(model, (1, 28, 28), 10), granularity, strategy)
    images = torch.rand(3, 1, 28, 28, generator=rng)
    assert_as_naive(oracle, images, some_of(oracle, layer, 60))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_value_between_intact_and_removed(
    strategy, small, make_oracle, assert_as_naive, rng, some_of
):
    oracle = make_oracle(small, "slice", strategy)
    images = torch.rand(2, *small.image_shape, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 10), value=0.25)
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 10), value=-2.0)


def _warmed_resnet(width, images):
    model = ResNet18(3, 10, width=width)
    with torch.no_grad():
        model.train()
        for _ in range(3):
            model(images)
    return model


@pytest.mark.parametrize("strategy", ["dataflow", pytest.param("vmap", marks=pytest.mark.slow)])
def test_every_convolution_of_resnet18_as_filters(
    strategy, seeded, make_classifier, make_oracle, assert_as_naive, rng, some_of
):
    images = torch.rand(8, 3, 32, 32, generator=rng)
    model = _warmed_resnet(16, images)
    oracle = make_oracle(make_classifier(model, (3, 32, 32), 10), "filter", strategy)
    convolutions = [layer.name for layer in oracle.space.layers if layer.name != "fc"]
    assert len(convolutions) == 20
    for name in convolutions:
        assert_as_naive(oracle, images[:2], some_of(oracle, name, 4))


def test_slices_of_resnet18(seeded, make_classifier, make_oracle, assert_as_naive, rng, some_of):
    images = torch.rand(8, 3, 32, 32, generator=rng)
    model = _warmed_resnet(8, images)
    oracle = make_oracle(make_classifier(model, (3, 32, 32), 10), "slice", "dataflow")
    for name in ("conv1", "layer1.0.conv1", "layer2.0.downsample.0", "layer4.1.conv2", "fc"):
        assert_as_naive(oracle, images[:2], some_of(oracle, name, 12))


def test_several_parameters_at_once(small, make_oracle, naive, rng):
    oracle = make_oracle(small)
    images = torch.rand(3, *small.image_shape, generator=rng)
    units = oracle.space.encode(images)
    d = len(oracle.space.concepts)
    rows = torch.stack([torch.randperm(d, generator=rng)[:40] for _ in range(3)])
    answers = oracle.query(units, Intervention.ablate(rows)).logits
    expected = torch.stack([naive(oracle, images, row.tolist()) for row in rows])
    torch.testing.assert_close(answers, expected)
    assert (expected - small.logits(images)).abs().max() > 1e-2


def test_values_of_their_own_for_each_image(small, make_oracle, naive, rng):
    oracle = make_oracle(small)
    images = torch.rand(3, *small.image_shape, generator=rng)
    units = oracle.space.encode(images)
    targets = torch.tensor([[0, 5], [7, 300]])
    values = torch.rand(2, 3, 2, generator=rng)
    several = oracle.query(units, Intervention.set(targets, values)).logits
    single = oracle.query(units, Intervention.set(targets[:, :1], values[..., :1])).logits
    for i in range(3):
        one = Intervention.set(targets, values[:, i])
        torch.testing.assert_close(several[:, i], oracle.query(units[i : i + 1], one).logits[:, 0])
        one = Intervention.set(targets[:, :1], values[:, i, :1])
        torch.testing.assert_close(single[:, i], oracle.query(units[i : i + 1], one).logits[:, 0])


@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_first_order_is_the_derivative(granularity, small, make_oracle, rng):
    oracle = make_oracle(small, granularity)
    images = torch.rand(2, *small.image_shape, generator=rng)
    units = oracle.space.encode(images)
    target = torch.tensor([0, 2])
    estimate = oracle.first_order(units, target)
    d = len(oracle.space.concepts)
    assert estimate.shape == (2, d)
    step = 1e-2
    up = oracle.query(units, Intervention.set(torch.arange(d), 1 + step)).logits
    down = oracle.query(units, Intervention.set(torch.arange(d), 1 - step)).logits
    slope = ((up - down) / (2 * step)).gather(2, target[None, :, None].expand(d, -1, 1))[..., 0].T
    # Removing is a step of -1 along the derivative; relu and max-pooling kink here and there.
    assert torch.corrcoef(torch.stack([estimate.flatten(), -slope.flatten()]))[0, 1] > 0.999


def test_another_space_is_refused(small):
    with pytest.raises(CapabilityError, match="concepts of ParameterSpace"):
        ParameterOracle().bind(small, space=object())


class LargestTensor(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_memory_stays_under_the_ceiling(strategy, small, make_oracle, rng):
    images = torch.rand(64, *small.image_shape, generator=rng)
    largest = {}
    for ceiling in (2**16, 2**28):
        oracle = make_oracle(small, "slice", strategy, memory_ceiling=ceiling)
        everything = Intervention.ablate(torch.tensor(oracle.space.layer("conv2").indices))
        with LargestTensor() as noted:
            oracle.query(oracle.space.encode(images), everything)
        largest[ceiling] = noted.bytes
    assert largest[2**16] <= 2**16
    assert largest[2**28] > 2**16, "the ceiling did not bind, so that nothing was tested"


def test_large_activations_before_a_layer_do_not_make_chunks_small(
    seeded, make_classifier, make_oracle, rng
):
    model = LeNet((1, 28, 28), 10)
    runs = []
    model.fc2.register_forward_hook(lambda *_: runs.append(1))
    oracle = make_oracle(
        make_classifier(model, (1, 28, 28), 10), "filter", "vmap", memory_ceiling=2**18
    )
    units = oracle.space.encode(torch.rand(1, 1, 28, 28, generator=rng))

    counts = {}
    for name in ("conv1", "fc1"):
        everything = Intervention.ablate(oracle.space.layer(name).targets)
        oracle.query(units, everything)
        runs.clear()
        oracle.query(units, everything)
        counts[name] = len(runs)
    # fc1 has 128 units, and 16 maps of 24 x 24 come before it.
    assert counts["fc1"] < 10
    assert counts["conv1"] == 16 // (2**18 // (4 * 4 * 16 * 24 * 24))


def test_memory_stays_under_the_ceiling_for_wide_layers(seeded, make_classifier, make_oracle, rng):
    images = torch.rand(8, 3, 32, 32, generator=rng)
    classifier = make_classifier(_warmed_resnet(16, images), (3, 32, 32), 10)
    ceiling = 2**20
    oracle = make_oracle(classifier, "filter", "dataflow", memory_ceiling=ceiling)
    units = oracle.space.encode(images[:1])
    weights = max(weight.nbytes for weight in classifier.model.state_dict().values())
    for layer in oracle.space.layers:
        everything = Intervention.ablate(layer.targets)
        oracle.query(units, everything)
        with LargestTensor() as noted:
            oracle.query(units, everything)
        assert noted.bytes <= max(ceiling, weights), layer.name
