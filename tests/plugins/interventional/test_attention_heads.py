"""Heads of attention are found however it is written, and removed exactly."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Classifier, Dataset, Intervention, ScoringInputs, Split
from causalxai.errors import CapabilityError
from causalxai.network.exported import exported
from causalxai_interventional import dataflow
from causalxai_interventional.discoverer import InterventionalDiscoverer
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_interventional.hooked_propagation import SerialPropagation, VmapPropagation
from causalxai_interventional.mechanisms import SelectionRule
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterSpace
from causalxai_interventional.propagation import DataflowPropagation
from causalxai_interventional.report.graph import graph_report

SHAPE = (2, 8, 8)
WIDTH, HEADS = 12, 3


class Attention(nn.Module):
    """One layer for queries, keys and values, as timm has it."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        count, length, _ = tokens.shape
        qkv = self.qkv(tokens).reshape(count, length, 3, HEADS, -1)
        return self.proj(self.attended(*qkv.permute(2, 0, 3, 1, 4)))

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


class Eager(Attention):
    """Products of matrices and a softmax."""

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        weights = F.dropout((query @ key.transpose(-2, -1) / 2).softmax(dim=-1), 0.1, self.training)
        return (weights @ value).transpose(1, 2).flatten(2)


class OneBatch(Attention):
    """Heads and images on one axis."""

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        one = [part.flatten(0, 1) for part in (query, key, value)]
        weights = torch.bmm(one[0], one[1].transpose(1, 2)).softmax(dim=-1)
        every = torch.bmm(weights, one[2]).unflatten(0, (-1, HEADS))
        return every.transpose(1, 2).flatten(2)


class Torch(nn.Module):
    """PyTorch's own attention, which does not call its output projection as a module."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.attention(tokens, tokens, tokens, need_weights=False)[0]


class Sequential(Torch):
    """The same with the images on the second axis."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS)

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens.transpose(0, 1)).transpose(0, 1)


class WithWeights(Torch):
    """The same, which also returns the attention weights."""

    def forward(self, tokens: Tensor) -> Tensor:
        return self.attention(tokens, tokens, tokens)[0]


class Interleaved(Attention):
    """Puts the first entries of all heads before the second ones."""

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        attended = F.scaled_dot_product_attention(query, key, value)
        return attended.permute(0, 2, 3, 1).flatten(2)


class MeansOfValues(Attention):
    """Weighs values by no softmax."""

    def attended(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return ((query @ key.transpose(-2, -1)) @ value).transpose(1, 2).flatten(2)


class Transformer(nn.Module):
    """Two blocks, of whose tokens the first is read."""

    def __init__(self, *attention: nn.Module) -> None:
        super().__init__()
        self.embed = nn.Conv2d(2, WIDTH, 4, stride=4)
        self.norm = nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList(attention)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 10), nn.Linear(10, WIDTH)
        self.out = nn.Linear(WIDTH, 3)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = tokens + block(self.norm(tokens))
            tokens = tokens + self.fc2(F.gelu(self.fc1(tokens)))
        return self.out(tokens[:, 0])


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def vit():
    """A small transformer as timm has them."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Transformer(Attention(), Attention())
    return Classifier(network, class_names=list("abc"), image_shape=SHAPE)


@pytest.fixture(scope="module")
def oracles(vit):
    """An oracle of all neurons, and one of all heads."""

    def bound(granularity):
        space = ParameterSpace(granularity=granularity).fit(vit, None, rng=torch.Generator())
        return ParameterOracle().bind(vit, space)

    return {granularity: bound(granularity) for granularity in ("neuron", "head")}


KINDS = [
    Eager,
    OneBatch,
    Torch,
    pytest.param(Sequential, marks=pytest.mark.slow),
    pytest.param(WithWeights, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("kind", KINDS)
def test_heads_are_found_and_removed_exactly(
    kind, seeded, make_classifier, make_oracle, assert_as_naive, images
):
    oracle = make_oracle(make_classifier(Transformer(kind()), SHAPE, 3), "head")
    name = "blocks.0.attention.out_proj" if issubclass(kind, Torch) else "blocks.0.proj"
    assert [concept.name for concept in oracle.space.concepts] == [
        f"{name}[head {k}]" for k in range(HEADS)
    ]
    assert_as_naive(oracle, images, [*range(HEADS)])
    expected = SerialPropagation if kind is WithWeights else DataflowPropagation
    assert isinstance(oracle._chosen[name], expected)


def test_heads_and_neurons_are_removed_exactly(oracles, assert_as_naive, images, some_of):
    for oracle in oracles.values():
        for layer in oracle.space.layers:
            some = some_of(oracle, layer.name, 6)
            assert_as_naive(oracle, images, some)
            assert_as_naive(oracle, images, some, value=-0.5)
            assert isinstance(oracle._chosen[layer.name], DataflowPropagation)


def test_the_unedited_network_is_run_no_further_than_the_edited_heads(oracles):
    flow = oracles["head"].dataflow
    first, second = flow.heads
    nodes = flow.network.nodes
    last = max(nodes.index(node) for node in flow.plan(first, heads=True).read)
    (heads,) = flow.heads[second].outputs
    assert last < nodes.index(heads)


def test_a_network_is_exported_once_until_it_changes(seeded, make_classifier, monkeypatch):
    classifier = make_classifier(Transformer(Attention()), SHAPE, 3)
    exports = []
    monkeypatch.setattr(dataflow, "exported", lambda *args: exports.append(args) or exported(*args))
    space = ParameterSpace(granularity="head")
    space.check_classifier(classifier)
    space.fit(classifier, None, rng=torch.Generator())
    oracle = ParameterOracle().bind(classifier, space)
    assert len(exports) == 1
    assert oracle.dataflow is space.dataflow
    classifier.model.out.register_forward_hook(lambda _module, _args, output: 2 * output)
    oracle = ParameterOracle().bind(classifier, space)
    assert oracle.dataflow is not space.dataflow
    assert len(exports) > 1


@pytest.mark.parametrize("strategy", ["vmap", "expanded", "serial"])
@pytest.mark.parametrize("granularity", ["neuron", "head"])
def test_every_strategy_gives_the_same(
    granularity, strategy, oracles, vit, assert_as_naive, images, some_of
):
    oracle = ParameterOracle(strategy=strategy).bind(vit, oracles[granularity].space)
    for layer in oracle.space.layers[-2:]:
        assert_as_naive(oracle, images, some_of(oracle, layer.name, 3))


def test_a_removed_head_is_one_without_values(vit, oracles, images):
    oracle = oracles["head"]
    units = oracle.space.encode(images)
    answers = oracle.query(units, Intervention.ablate(torch.arange(2 * HEADS))).logits
    width = WIDTH // HEADS
    for index, answer in enumerate(answers):
        changed = deepcopy(vit.model)
        start = 2 * WIDTH + index % HEADS * width
        values = changed.blocks[index // HEADS].qkv
        with torch.no_grad():
            values.weight[start : start + width] = 0
            values.bias[start : start + width] = 0
            torch.testing.assert_close(answer, changed(images))


def test_a_removed_neuron_is_zero_before_the_activation(vit, oracles, images):
    oracle = oracles["neuron"]
    layer = oracle.space.layer("fc1")
    answers = oracle.query(oracle.space.encode(images), Intervention.ablate(layer.targets)).logits
    for unit, answer in enumerate(answers):

        def without(_layer: object, _inputs: object, output: Tensor, unit: int = unit) -> Tensor:
            return output * (torch.arange(10) != unit)

        handle = vit.model.fc1.register_forward_hook(without)
        torch.testing.assert_close(answer, vit.logits(images))
        handle.remove()


def test_attention_that_runs_twice(seeded, make_classifier, make_oracle, assert_as_naive, images):
    again = Attention()
    oracle = make_oracle(make_classifier(Transformer(again, again), SHAPE, 3), "head")
    (layer,) = oracle.space.layers
    assert_as_naive(oracle, images, list(layer.indices))
    assert isinstance(oracle._chosen[layer.name], DataflowPropagation)


def test_several_heads_and_neurons_at_once(oracles, naive, images):
    rows = torch.tensor([[0, 1, 4]])
    for oracle in oracles.values():
        answers = oracle.query(oracle.space.encode(images), Intervention.set(rows, 0.3)).logits
        torch.testing.assert_close(answers[0], naive(oracle, images, rows[0].tolist(), 0.3))


def test_first_order_is_the_derivative(oracles, images):
    for oracle in oracles.values():
        units = oracle.space.encode(images)
        estimate = oracle.first_order(units, torch.tensor([0, 1, 2]))
        every = torch.arange(len(oracle.space.concepts))
        up, down = (oracle.query(units, Intervention.set(every, v)).logits for v in (1.03, 0.97))
        slope = ((up - down) / 0.06)[:, torch.arange(3), torch.arange(3)].T
        torch.testing.assert_close(estimate, -slope, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("granularity", ["neuron", "head"])
def test_they_are_explained_and_graphed(granularity, vit, oracles, images, report_inputs):
    oracle = oracles[granularity]
    target = vit.predict(images)
    split = Split(images, target)
    inputs = ScoringInputs(
        classifier=vit, dataset=Dataset(split, split, vit.class_names),
        rng=torch.Generator().manual_seed(0), space=oracle.space, oracle=oracle,
    )  # fmt: skip
    seen = [vit.class_names[int(target[0])]]
    discoverer = InterventionalDiscoverer(classes=seen, min_frequency=0.01)
    graph = discoverer.discover(inputs)
    assert {edge.target for edge in graph.edges} == {f"class {seen[0]}"}
    if granularity == "head":
        assert graph.annotations["doubt"] == ""
        assert {edge.source.split(":")[0] for edge in graph.edges} <= {
            layer.name for layer in oracle.space.layers
        }
    assert graph_report(discoverer, graph, report_inputs(inputs)).sections
    found = InterventionalExplainer(rule=SelectionRule(screen=2), references=False).explain(
        images, target, replace(inputs, graph=graph, discoverer=discoverer)
    )
    removed = Intervention.ablate(
        torch.tensor([oracle.space.names().index(name) for name in found.concepts])
    )
    after = oracle.query(found.units, removed).logits.gather(
        2, target[None, :, None].expand(len(found.concepts), -1, 1)
    )[..., 0]
    before = vit.logits(images).gather(1, target[:, None])
    expected = (before - after.T) * found.details["tested"]
    torch.testing.assert_close(found.importance, expected, rtol=1e-4, atol=1e-6)


def test_neurons_are_units_of_linear_layers(vit, oracles):
    layers = {layer.name: layer.count for layer in oracles["neuron"].space.layers}
    blocks = {f"blocks.{i}.{name}": n for i in (0, 1) for name, n in (("qkv", 36), ("proj", 12))}
    assert layers == {**blocks, "fc1": 10, "fc2": 12, "out": 3}
    with pytest.raises(CapabilityError, match="no linear layer that runs 'embed'"):
        ParameterSpace(granularity="neuron", layers=["embed"]).check_classifier(vit)


@pytest.mark.parametrize("kind", [Interleaved, MeansOfValues, nn.Identity])
def test_heads_that_cannot_be_told_are_refused_in_words(kind, seeded, make_classifier):
    classifier = make_classifier(Transformer(kind()), SHAPE, 3)
    with pytest.raises(CapabilityError, match="no attention is found whose heads can be told"):
        ParameterSpace(granularity="head").check_classifier(classifier)


def test_a_layer_without_heads_is_refused(vit):
    with pytest.raises(CapabilityError, match=r"no output projection .* 'blocks.0.qkv'; did you"):
        ParameterSpace(granularity="head", layers=["blocks.0.qkv"]).check_classifier(vit)


class Unfollowed(Transformer):
    """Has control flow that depends on the images."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images if images.min() > -1 else -images)


def test_networks_that_cannot_be_followed_have_neurons_but_no_heads(
    seeded, make_classifier, make_oracle, assert_as_naive, images
):
    classifier = make_classifier(Unfollowed(Attention()), SHAPE, 3)
    with pytest.raises(CapabilityError, match="which can't be followed"):
        ParameterSpace(granularity="head").check_classifier(classifier)
    oracle = make_oracle(classifier, "neuron", layers=["fc1"])
    assert_as_naive(oracle, images, list(oracle.space.layers[0].indices))
    assert isinstance(oracle._chosen["fc1"], VmapPropagation)


def test_convolutions_alone_have_no_neurons(seeded, make_classifier):
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(CapabilityError, match=r"no linear layer .* granularity filter"):
        space = ParameterSpace(granularity="neuron")
        space.fit(make_classifier(network, SHAPE, 3), None, rng=torch.Generator())


@pytest.mark.parametrize("attention", ["sdpa", pytest.param("eager", marks=pytest.mark.slow)])
def test_vit_of_transformers(
    attention, seeded, make_classifier, make_oracle, assert_as_naive, images
):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.ViTConfig(
        hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=8,
        image_size=8, patch_size=4, num_channels=2, num_labels=3, attn_implementation=attention,
        initializer_range=0.3,
    )  # fmt: skip
    network = transformers.ViTForImageClassification(config)
    oracle = make_oracle(make_classifier(network, SHAPE, 3), "head")
    assert [layer.count for layer in oracle.space.layers] == [config.num_attention_heads] * 2
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices))
        assert isinstance(oracle._chosen[layer.name], DataflowPropagation)


@pytest.mark.slow
def test_windows_of_attention(seeded, make_classifier, make_oracle, assert_as_naive, images):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.SwinConfig(
        image_size=8, patch_size=1, num_channels=2, embed_dim=8, depths=[2], num_heads=[2],
        window_size=4, num_labels=3, initializer_range=0.3,
    )  # fmt: skip
    network = transformers.SwinForImageClassification(config)
    oracle = make_oracle(make_classifier(network, SHAPE, 3), "head")
    assert [layer.count for layer in oracle.space.layers] == [2, 2]
    for layer in oracle.space.layers:
        assert_as_naive(oracle, images, list(layer.indices))
