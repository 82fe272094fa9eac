"""Networks that are written in unusual ways are answered exactly, or refused in words."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai import Intervention
from causalxai.errors import CapabilityError
from causalxai_interventional.hooked_propagation import SerialPropagation, VmapPropagation
from causalxai_interventional.propagation import DataflowPropagation

STRATEGIES = ("dataflow", "vmap", "expanded", "serial")


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
    strategy, granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng
):
    oracle = make_oracle(make_classifier(InPlaceSkips(), (2, 8, 8), 3), granularity, strategy)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices))


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
def test_transformer_encoder(
    granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng, caplog, some_of
):
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
        assert_as_naive(oracle, images, some_of(oracle, name, 12))
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
    """Control flow that depends on sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", bias=False)
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        if x.dim() == 4 and int(x.shape[-1]) > 1:
            x = x.mean(dim=(2, 3))
        return self.out(x)


class Checks(Branching):
    """Refuses images of other sizes."""

    def forward(self, x):
        if x.shape[1:] != (2, 8, 8):
            raise ValueError(f"images must be 2 x 8 x 8, not {tuple(x.shape)}")
        return super().forward(x)


class Hooked(Branching):
    """Hooks of the network and of a layer that change what they see."""

    def __init__(self) -> None:
        super().__init__()
        self.register_forward_pre_hook(lambda _m, args: (1 - args[0],))
        self.conv.register_forward_hook(lambda _m, _a, output: 2 * output)


class Functional(Branching):
    """Uses the weights of its layers itself, after it called the layers as modules."""

    def forward(self, x):
        x = torch.relu(F.conv2d(torch.sin(self.conv(x)), self.conv.weight[:, :1], groups=3))
        return self.out(x.mean(dim=(2, 3)))


@pytest.mark.parametrize("network", [Twice, Branching, Checks, Hooked])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_networks_that_are_followed_however_they_are_written(
    network, granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng
):
    oracle = make_oracle(make_classifier(network(), (2, 8, 8), 3), granularity)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices))
        assert isinstance(oracle._chosen[layer.name], DataflowPropagation)


class Unfollowed(Branching):
    """Has control flow that depends on the images."""

    def forward(self, x):
        return super().forward(x if x.min() > -1 else -x)


@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_networks_that_cannot_be_followed_go_by_vmap(
    granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng, caplog
):
    oracle = make_oracle(make_classifier(Unfollowed(), (2, 8, 8), 3), granularity)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    assert_as_naive(oracle, images, list(oracle.space.layers[0].indices))
    assert isinstance(oracle._chosen["conv"], VmapPropagation)
    assert "data-dependent" in caplog.text
    assert "about as long as" in caplog.text


def test_weights_that_are_used_in_two_ways_go_by_edited_weights(
    seeded, make_classifier, make_oracle, assert_as_naive, rng
):
    oracle = make_oracle(make_classifier(Functional(), (2, 8, 8), 3), "filter")
    images = torch.rand(3, 2, 8, 8, generator=rng)
    assert_as_naive(oracle, images, list(oracle.space.layer("conv").indices))
    assert isinstance(oracle._chosen["conv"], SerialPropagation)


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


@pytest.mark.parametrize("network", [Regroups])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_what_breaks_the_rules_is_answered_exactly_all_the_same(
    network, granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng
):
    oracle = make_oracle(make_classifier(network(), (2, 8, 8), 3), granularity)
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices))


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


@pytest.mark.parametrize("network", [Aliased, IgnoredInPlace])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_what_a_rule_might_miss(
    network, granularity, seeded, make_classifier, make_oracle, assert_as_naive, rng
):
    oracle = make_oracle(make_classifier(network(), (2, 8, 8), 3), granularity)
    before = {name: w.clone() for name, w in oracle.classifier.model.state_dict().items()}
    images = torch.rand(3, 2, 8, 8, generator=rng)
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices))
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
def test_geometry_of_convolutions(
    first, seeded, make_classifier, make_oracle, assert_as_naive, rng, some_of
):
    images = torch.rand(4, 4, 14, 14, generator=rng)
    model = Geometry(**first)
    model(images)
    oracle = make_oracle(make_classifier(model, (4, 14, 14), 3), "slice", "dataflow")
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 12))
        assert isinstance(oracle._chosen[layer.name], DataflowPropagation)


class Hidden(nn.Module):
    """Calls its layers so that no hook sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return F.linear(x.flatten(1), self.layer.weight, self.layer.bias)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Hidden(), "none of them is seen to run"),
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(4)), "has no convolution or linear layer"),
    ],
)
def test_layers_that_are_not_there_or_not_seen(model, said, make_classifier, make_oracle):
    with pytest.raises(CapabilityError, match=said):
        make_oracle(make_classifier(model, (1, 2, 2), model(torch.zeros(1, 1, 2, 2)).shape[1]))


class InPrecision(nn.Module):
    """Computes in a floating-point type of its own, and returns it."""

    def __init__(self, dtype) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, dtype=dtype)
        self.out = nn.Linear(3, 3, dtype=dtype)

    def forward(self, x):
        return self.out(torch.tanh(self.conv(x.to(self.conv.weight.dtype))).mean(dim=(2, 3)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("granularity", ["slice", "filter"])
def test_other_floating_point_types(
    dtype, granularity, seeded, make_classifier, make_oracle, naive, rng
):
    oracle = make_oracle(make_classifier(InPrecision(dtype), (1, 6, 6), 3), granularity)
    images = torch.rand(3, 1, 6, 6, generator=rng)
    units = oracle.space.encode(images)
    for layer in oracle.space.layers:
        answers = oracle.query(units, Intervention.set(layer.targets, 0.5)).logits
        expected = torch.stack([naive(oracle, images, [i], 0.5) for i in layer.indices])
        torch.testing.assert_close(answers, expected.to(answers.dtype), rtol=1e-5, atol=1e-6)
    everything = Intervention.ablate(torch.arange(len(oracle.space.concepts))[None])
    answers = oracle.query(units, everything).logits[0]
    expected = naive(oracle, images, range(len(oracle.space.concepts)))
    torch.testing.assert_close(answers, expected.to(answers.dtype))
