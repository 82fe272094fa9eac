"""Every strategy answers as the naive loop does: zero, forward, restore."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from causalxai import Intervention
from causalxai.errors import CapabilityError
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.propagation import DataflowPropagation, VmapPropagation
from causalxai_vision.lenet import LeNet
from causalxai_vision.resnet18 import ResNet18

TOLERANCE = 2e-6
STRATEGIES = ("dataflow", "vmap", "expanded", "serial")


@pytest.fixture
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def assert_as_naive(oracle, images, concepts, naive, value=0.0):
    """Answers equal the naive loop's, and effects are far above the tolerance."""
    units = oracle.space.encode(images)
    intervention = Intervention.set(torch.tensor(concepts), value)
    answers = oracle.query(units, intervention).logits
    expected = torch.stack([naive(oracle, images, [concept], value) for concept in concepts])
    effect = (expected - oracle.classifier.logits(images)).abs().max()
    tolerance = TOLERANCE * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(answers, expected, rtol=0, atol=tolerance)
    assert effect > 100 * tolerance, "the effects are too small to test anything"


def some_of(oracle, layer_name, count):
    layer = oracle.space.layer(layer_name)
    generator = torch.Generator().manual_seed(5)
    return [
        layer.first + i for i in torch.randperm(layer.count, generator=generator)[:count].tolist()
    ]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1", "fc2"])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_lenet(strategy, layer, granularity, seeded, make_classifier, make_oracle, naive, rng):
    model = LeNet((1, 28, 28), 10)
    with torch.no_grad():
        model.fc2.weight *= 20
    oracle = make_oracle(make_classifier(model, (1, 28, 28), 10), granularity, strategy)
    images = torch.rand(3, 1, 28, 28, generator=rng)
    assert_as_naive(oracle, images, some_of(oracle, layer, 60), naive)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_value_between_intact_and_removed(strategy, small, make_oracle, naive, rng):
    oracle = make_oracle(small, "slice", strategy)
    images = torch.rand(2, *small.image_shape, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 10), naive, value=0.25)
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 10), naive, value=-2.0)


def _warmed_resnet(width, images):
    model = ResNet18(3, 10, width=width)
    with torch.no_grad():
        model.train()
        for _ in range(3):
            model(images)
    return model


@pytest.mark.parametrize("strategy", ["dataflow", "vmap"])
def test_every_convolution_of_resnet18_as_filters(
    strategy, seeded, make_classifier, make_oracle, naive, rng
):
    images = torch.rand(8, 3, 32, 32, generator=rng)
    model = _warmed_resnet(16, images)
    oracle = make_oracle(make_classifier(model, (3, 32, 32), 10), "filter", strategy)
    convolutions = [layer.name for layer in oracle.space.layers if layer.name != "fc"]
    assert len(convolutions) == 20
    for name in convolutions:
        assert_as_naive(oracle, images[:2], some_of(oracle, name, 4), naive)


def test_slices_of_resnet18(seeded, make_classifier, make_oracle, naive, rng):
    images = torch.rand(8, 3, 32, 32, generator=rng)
    model = _warmed_resnet(8, images)
    oracle = make_oracle(make_classifier(model, (3, 32, 32), 10), "slice", "dataflow")
    for name in ("conv1", "layer1.0.conv1", "layer2.0.downsample.0", "layer4.1.conv2", "fc"):
        assert_as_naive(oracle, images[:2], some_of(oracle, name, 12), naive)


class InPlaceSkips(nn.Module):
    """Every in-place way to write a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.third = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.relu = nn.ReLU(inplace=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        x = self.relu(self.first(x))
        y = self.second(x)
        y += x
        y = F.relu(y, inplace=True)
        z = self.third(y)
        z = z.add_(y).relu_()
        return self.out(z.mean(dim=(2, 3)))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_in_place_skip_connections(
    strategy, granularity, seeded, make_classifier, make_oracle, naive, rng
):
    oracle = make_oracle(make_classifier(InPlaceSkips(), (2, 8, 8), 3), granularity, strategy)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices), naive)


class PatchTransformer(nn.Module):
    """A transformer encoder over image patches, sequence first as torch's default is."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 8, 4, stride=4)
        layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=12)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.embed(x).flatten(2).permute(2, 0, 1)
        return self.out(self.encoder(tokens).mean(dim=0))


@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_transformer_encoder(granularity, seeded, make_classifier, make_oracle, naive, rng, caplog):
    oracle = make_oracle(make_classifier(PatchTransformer(), (1, 12, 12), 3), granularity)
    names = [layer.name for layer in oracle.space.layers]
    assert names == [
        "embed",
        "encoder.layers.0.linear1",
        "encoder.layers.0.linear2",
        "encoder.layers.1.linear1",
        "encoder.layers.1.linear2",
        "out",
    ]
    assert "encoder.layers.0.self_attn.out_proj" in caplog.text
    images = torch.rand(3, 1, 12, 12, generator=rng)
    for name in names:
        assert_as_naive(oracle, images, some_of(oracle, name, 12), naive)
    # Sequence first: an expanded batch cannot tell images from tokens, and must say no.
    expanded = make_oracle(oracle.classifier, granularity, "expanded")
    units = expanded.space.encode(images)
    index = expanded.space.layer("encoder.layers.0.linear1").first
    with pytest.raises(CapabilityError, match="no strategy"):
        expanded.query(units, Intervention.ablate(torch.tensor([index])))


class Twice(nn.Module):
    """One convolution that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Conv2d(2, 2, 3, padding=1)
        self.out = nn.Linear(2, 3)

    def forward(self, x):
        x = torch.tanh(self.again(x))
        x = torch.tanh(self.again(x))
        return self.out(x.mean(dim=(2, 3)))


class Branching(nn.Module):
    """Control flow that depends on the data: torch.fx can't trace it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", bias=False)
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        if x.dim() == 4 and int(x.shape[-1]) > 1:
            x = x.mean(dim=(2, 3))
        return self.out(x)


@pytest.mark.parametrize("network", [Twice, Branching])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_networks_without_a_data_flow_go_by_vmap(
    network, granularity, seeded, make_classifier, make_oracle, naive, rng
):
    oracle = make_oracle(make_classifier(network(), (2, 8, 8), 3), granularity)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    first = oracle.space.layers[0]
    assert_as_naive(oracle, images, list(first.indices), naive)
    assert isinstance(oracle._chosen[first.name], VmapPropagation)


class Regroups(nn.Module):
    """Views that move values between channels, and channels that only a mean reads."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.second = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        x = x.view(x.size(0), 8, 4, 8)
        return self.second(x).mean(dim=(2, 3))


class NormalisesByBatch(nn.Module):
    """Batch normalisation without running statistics: images in a batch change one another."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)
        self.second = nn.Conv2d(4, 3, 3)

    def forward(self, x):
        return self.second(torch.tanh(self.norm(self.first(x)))).mean(dim=(2, 3))


@pytest.mark.parametrize("network", [Regroups, NormalisesByBatch])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_what_breaks_the_rules_is_answered_exactly_all_the_same(
    network, granularity, seeded, make_classifier, make_oracle, naive, rng
):
    oracle = make_oracle(make_classifier(network(), (2, 8, 8), 3), granularity)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices), naive)


class Aliased(nn.Module):
    """A module that the network knows under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.features = nn.Sequential(self.conv, nn.Tanh())
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.features(x).mean(dim=(2, 3)))


class IgnoredInPlace(nn.Module):
    """An in-place call whose result is ignored, and a skip that sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        skip = self.first(x)
        y = self.second(self.relu(skip))
        y.clamp_(-0.05, 0.05)
        return self.out((y + skip).mean(dim=(2, 3)))


class MixesTheBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        x = torch.tanh(self.first(x)).mean(dim=(2, 3))
        return self.out(x - 0.5 * x.mean(0))


@pytest.mark.parametrize("network", [Aliased, IgnoredInPlace, MixesTheBatch])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_what_a_rule_might_miss(
    network, granularity, seeded, make_classifier, make_oracle, naive, rng
):
    oracle = make_oracle(make_classifier(network(), (2, 8, 8), 3), granularity)
    before = {name: w.clone() for name, w in oracle.classifier.model.state_dict().items()}
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices), naive)
    units = oracle.space.encode(images)
    oracle.query(units, Intervention.ablate(torch.tensor([[0, 1], [1, 2]])))
    oracle.first_order(units, torch.zeros(3, dtype=torch.int64))
    for name, weight in oracle.classifier.model.state_dict().items():
        assert torch.equal(weight, before[name])


def test_computed_weights_are_refused(make_classifier, make_oracle):
    model = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)))
    with pytest.raises(CapabilityError, match="the weights of 1 are computed"):
        make_oracle(make_classifier(model, (1, 2, 2), 3))


class Geometry(nn.Module):
    """Strides, dilation, padding, groups, odd pools, heads that read blocks of channels."""

    def __init__(self, **first) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, **first)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2))
        self.act = nn.GELU()
        self.pool = nn.AvgPool2d(2)
        self.flatten = nn.Flatten()
        self.out = nn.LazyLinear(3)

    def forward(self, x):
        x = self.second(self.act(self.norm(self.first(x))))
        return self.out(self.flatten(self.pool(x)))


@pytest.mark.parametrize(
    "first",
    [
        {"padding": 1},
        {"padding": 1, "groups": 2},
        {"padding": 1, "groups": 4, "bias": False},
        {"padding": "same", "dilation": 2},
        {"stride": 2, "padding": (2, 1), "padding_mode": "circular"},
    ],
)
def test_geometry_of_convolutions(first, seeded, make_classifier, make_oracle, naive, rng):
    images = torch.rand(4, 4, 14, 14, generator=rng)
    model = Geometry(**first)
    model(images)
    oracle = make_oracle(make_classifier(model, (4, 14, 14), 3), "slice", "dataflow")
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 12), naive)
        assert isinstance(oracle._chosen[layer.name], DataflowPropagation)


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
    with pytest.raises(CapabilityError, match="edits a ParameterSpace"):
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
