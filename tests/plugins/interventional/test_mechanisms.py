"""Algorithm 1 against a plain transcription of it, and against what can be worked out by hand."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai_interventional.mechanisms import (
    SelectionRule,
    by_source,
    doubts,
    find_mechanisms,
)
from causalxai_interventional.parameter_space import ParameterLayer


def transcribed(oracle, image, target, naive, tau=1.0):
    """Algorithm 1 for one image with loops and sets, for layers that feed one another in a row."""
    base = oracle.classifier.logits(image)[0]
    mediators = {target}
    supports, opposes, tested = set(), set(), set()
    for layer in reversed(oracle.space.layers):
        delta = {}
        for k in mediators:
            for n in range(layer.sources):
                concept = layer.first + k * layer.sources + n
                delta[k, n] = float((naive(oracle, image, [concept])[0] - base)[target])
        values = torch.tensor(list(delta.values()), dtype=torch.float64)
        cut = tau * float(values.std(correction=0)) if len(values) else 0.0
        tested |= {layer.first + k * layer.sources + n for k, n in delta}
        positive = {edge for edge, change in delta.items() if change < -cut}
        supports |= {layer.first + k * layer.sources + n for k, n in positive}
        opposes |= {
            layer.first + k * layer.sources + n for (k, n), change in delta.items() if change > cut
        }
        sources = {n for _, n in positive}
        if layer.name == "fc1":
            sources = {n // 9 for n in sources}  # 3 x 3 units of a channel of conv2
        mediators = sources
    return tested, supports, opposes


def as_set(mask):
    return set(mask.nonzero()[:, 0].tolist())


@pytest.mark.parametrize("target", [0, 1, 2])
def test_equals_a_plain_transcription(target, small, make_oracle, naive, rng):
    oracle = make_oracle(small)
    images = torch.rand(2, *small.image_shape, generator=rng)
    targets = torch.tensor([[target], [target]])
    found = find_mechanisms(oracle, oracle.space.encode(images), targets, SelectionRule())
    for i in range(2):
        tested, supports, opposes = transcribed(oracle, images[i : i + 1], target, naive)
        assert as_set(found.flat("tested")[i, 0]) == tested
        assert as_set(found.flat("supports")[i, 0]) == supports
        assert as_set(found.flat("opposes")[i, 0]) == opposes
        assert supports
        assert opposes


def test_several_targets_equal_one_at_a_time(small, make_oracle, rng):
    oracle = make_oracle(small)
    units = oracle.space.encode(torch.rand(3, *small.image_shape, generator=rng))
    rule = SelectionRule()
    together = find_mechanisms(oracle, units, torch.arange(3).expand(3, -1), rule)
    for k in range(3):
        alone = find_mechanisms(oracle, units, torch.full((3, 1), k), rule)
        for field in ("tested", "supports", "opposes"):
            assert torch.equal(together.flat(field)[:, k], alone.flat(field)[:, 0])
        torch.testing.assert_close(together.flat("delta")[:, k], alone.flat("delta")[:, 0])


def test_the_relative_threshold_does_not_depend_on_the_logits_scale(small, make_oracle, rng):
    images = torch.rand(3, *small.image_shape, generator=rng)
    target = torch.zeros(3, 1, dtype=torch.int64)
    found = []
    for scale in (1.0, 10.0):
        with torch.no_grad():
            small.model.fc2.weight *= scale
            small.model.fc2.bias *= scale
        oracle = make_oracle(small)
        found.append(find_mechanisms(oracle, oracle.space.encode(images), target, SelectionRule()))
    before, after = found
    assert torch.equal(before.flat("supports"), after.flat("supports"))
    torch.testing.assert_close(10 * before.flat("delta"), after.flat("delta"), rtol=1e-3, atol=1e-4)


def test_the_papers_threshold_is_equation_1_and_leaves_nothing_neutral(small, make_oracle, rng):
    oracle = make_oracle(small)
    units = oracle.space.encode(torch.rand(2, *small.image_shape, generator=rng))
    target = torch.tensor([[1], [2]])
    found = find_mechanisms(oracle, units, target, SelectionRule(threshold="paper"))
    last = found.layers["fc2"]
    for i in range(2):
        changed = last.delta[i, 0][last.tested[i, 0]] + found.logits[i, target[i, 0]]
        cut = (changed.mean() - found.logits[i, target[i, 0]]) / changed.std(correction=0)
        torch.testing.assert_close(last.threshold[i, 0], cut)
        sorted_out = last.supports[i, 0] | last.opposes[i, 0]
        assert torch.equal(sorted_out, last.tested[i, 0])


def test_information_is_the_kl_divergence(small, make_oracle, naive, rng):
    oracle = make_oracle(small)
    image = torch.rand(1, *small.image_shape, generator=rng)
    target = small.predict(image)[:, None]
    found = find_mechanisms(oracle, oracle.space.encode(image), target, SelectionRule())
    information = found.flat_information()[0]
    tested = found.flat("tested")[0, 0].nonzero()[:, 0]
    before = small.logits(image).log_softmax(dim=1)
    for concept in tested[::7].tolist():
        after = naive(oracle, image, [concept]).log_softmax(dim=1)
        expected = F.kl_div(before, after, log_target=True, reduction="sum")
        torch.testing.assert_close(information[concept], expected, rtol=1e-3, atol=1e-6)
    assert information.min() >= 0
    assert information.max() > 1e-4


class AppendixToy(nn.Module):
    """The paper's figure 8: y = x1 w0_1 w1_1 + x1 w0_2 w1_2, without activations."""

    def __init__(self) -> None:
        super().__init__()
        self.w0 = nn.Linear(1, 2, bias=False)
        self.w1 = nn.Linear(2, 1, bias=False)

    def forward(self, x):
        return self.w1(self.w0(x.flatten(1)))


def test_the_papers_toy(make_classifier, make_oracle):
    model = AppendixToy()
    with torch.no_grad():
        model.w0.weight.copy_(torch.tensor([[2.0], [0.5]]))
        model.w1.weight.copy_(torch.tensor([[3.0, -1.0]]))
    oracle = make_oracle(make_classifier(model, (1, 1, 1), 1))
    units = oracle.space.encode(torch.full((1, 1, 1, 1), 0.5))
    target = torch.zeros(1, 1, dtype=torch.int64)
    found = find_mechanisms(oracle, units, target, SelectionRule(tau=0.1))
    # Equation 5: removing w1_k takes x w0_k w1_k away.
    torch.testing.assert_close(found.layers["w1"].delta[0, 0], torch.tensor([[-3.0, 0.25]]))
    assert found.layers["w1"].supports[0, 0].tolist() == [[True, False]]
    # Proposition 1: only the mediator behind the causal w1_1 is looked into.
    assert found.layers["w0"].tested[0, 0].tolist() == [[True], [False]]
    torch.testing.assert_close(found.layers["w0"].delta[0, 0], torch.tensor([[-3.0], [0.0]]))
    torch.testing.assert_close(found.layers["w0"].mediator_effect[0, 0], torch.tensor([3.0, -0.25]))


def test_screening_everything_changes_nothing(small, make_oracle, rng):
    oracle = make_oracle(small)
    units = oracle.space.encode(torch.rand(2, *small.image_shape, generator=rng))
    target = torch.tensor([[0], [1]])
    full = find_mechanisms(oracle, units, target, SelectionRule())
    screened = find_mechanisms(oracle, units, target, SelectionRule(screen=10**6))
    assert torch.equal(full.flat("supports"), screened.flat("supports"))
    assert set(screened.screening) == {"conv1", "conv2", "fc1", "fc2"}
    assert screened.screening["fc2"] > 0.999
    assert full.screening == {}


def test_screening_verifies_the_strongest_edges_exactly(small, make_oracle, rng):
    oracle = make_oracle(small)
    units = oracle.space.encode(torch.rand(2, *small.image_shape, generator=rng))
    target = torch.tensor([[0], [1]])
    full = find_mechanisms(oracle, units, target, SelectionRule()).layers["fc2"]
    few = find_mechanisms(oracle, units, target, SelectionRule(screen=3)).layers["fc2"]
    assert few.tested.sum(dim=(2, 3)).tolist() == [[3], [3]]
    for i in range(2):
        strongest = full.delta[i, 0].abs().flatten().topk(3).indices
        assert set(strongest.tolist()) == as_set(few.tested[i, 0].flatten())
        torch.testing.assert_close(
            few.delta[i, 0].flatten()[strongest], full.delta[i, 0].flatten()[strongest]
        )


def test_filters_select_filters(small, make_oracle, naive, rng):
    oracle = make_oracle(small, "filter")
    image = torch.rand(1, *small.image_shape, generator=rng)
    target = small.predict(image)[:, None]
    found = find_mechanisms(oracle, oracle.space.encode(image), target, SelectionRule())
    klass = int(target)
    conv2 = found.layers["conv2"]
    removed = [naive(oracle, image, [i])[0, klass] for i in oracle.space.layer("conv2").indices]
    delta = torch.stack(removed) - found.logits[0, klass]
    torch.testing.assert_close(conv2.delta[0, 0, :, 0], delta)
    causal = delta < -delta.std(correction=0)
    assert torch.equal(conv2.mediators[0, 0], causal)
    torch.testing.assert_close(conv2.mediator_effect[0, 0], -delta)


def test_sources_of_grouped_layers():
    layer = ParameterLayer("conv", 4, 3, 2, "slice", 0, 0)
    edges = torch.arange(1.0, 13.0).view(4, 3)
    spread = by_source(edges, layer)
    assert spread.shape == (4, 6)
    assert torch.equal(spread[:2, :3], edges[:2])
    assert torch.equal(spread[2:, 3:], edges[2:])
    assert spread[:2, 3:].abs().sum() == spread[2:, :3].abs().sum() == 0


def test_as_many_channels_as_classes_make_no_class_layer(make_classifier, make_oracle, rng):
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3)
    )
    classifier = make_classifier(model, (1, 8, 8), 3)
    oracle = make_oracle(classifier, layers=["0", "2"])
    units = oracle.space.encode(torch.rand(2, 1, 8, 8, generator=rng))
    found = find_mechanisms(oracle, units, torch.ones(2, 1, dtype=torch.int64), SelectionRule())
    assert found.layers["2"].mediators.all(), "its channels are no classes"
    everything = make_oracle(classifier)
    units = everything.space.encode(torch.rand(2, 1, 8, 8, generator=rng))
    found = find_mechanisms(everything, units, torch.ones(2, 1, dtype=torch.int64), SelectionRule())
    assert found.layers["5"].mediators[:, 0].tolist() == [[False, True, False]] * 2


class Reordered(nn.Module):
    """A network whose last layer has its units in another order than the classes."""

    def __init__(self, plain: nn.Module, order: list[int]) -> None:
        super().__init__()
        self.plain, self.order = deepcopy(plain), order
        with torch.no_grad():
            self.plain.fc2.weight.copy_(plain.fc2.weight[order])
            self.plain.fc2.bias.copy_(plain.fc2.bias[order])

    def forward(self, x):
        logits = self.plain(x)
        return torch.stack([logits[:, self.order.index(k)] for k in range(3)], dim=1)


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 2, 0]])
def test_the_order_of_the_last_layers_units_is_no_matter(
    order, small, make_classifier, make_oracle, rng
):
    images = torch.rand(3, *small.image_shape, generator=rng)
    targets = torch.tensor([[0], [1], [2]])
    found = []
    for model in (small.model, Reordered(small.model, order)):
        oracle = make_oracle(make_classifier(model, small.image_shape, 3))
        layers = find_mechanisms(oracle, oracle.space.encode(images), targets, SelectionRule())
        found.append(list(layers.layers.values()))
    plain, reordered = found
    for field in ("supports", "opposes", "delta", "tested"):
        expected = getattr(plain[0], field)[:, :, order]
        torch.testing.assert_close(getattr(reordered[0], field), expected)
        for one, other in zip(plain[1:], reordered[1:], strict=True):
            torch.testing.assert_close(getattr(one, field), getattr(other, field))
    assert plain[0].supports.any()


class Mixed(nn.Module):
    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        self.plain = plain

    def forward(self, x):
        return self.plain(x).log_softmax(dim=1)


def test_all_units_are_tested_where_each_moves_each_logit(
    small, make_classifier, make_oracle, naive, rng
):
    oracle = make_oracle(make_classifier(Mixed(small.model), small.image_shape, 3))
    image = torch.rand(1, *small.image_shape, generator=rng)
    found = find_mechanisms(
        oracle, oracle.space.encode(image), torch.tensor([[1]]), SelectionRule()
    )
    last = found.layers["plain.fc2"]
    assert last.tested.all()
    removed = [naive(oracle, image, [i])[0, 1] for i in last.layer.indices]
    torch.testing.assert_close(last.delta.flatten(), torch.stack(removed) - found.logits[0, 1])
    assert "do not depend on one unit of plain.fc2" in doubts(oracle)


class Bypassed(nn.Module):
    """Its first layer's channels reach the logits past its second layer, too."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.out = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        y = torch.relu(self.second(x)).mean(dim=(2, 3))
        return self.out(y) + torch.einsum("nchw,nchw->nc", x, x)


def test_a_layer_that_is_passed_by_is_tested_in_all_channels(
    seeded, make_classifier, make_oracle, rng
):
    oracle = make_oracle(make_classifier(Bypassed(), (1, 6, 6), 3))
    units = oracle.space.encode(torch.rand(2, 1, 6, 6, generator=rng))
    found = find_mechanisms(oracle, units, torch.ones(2, 1, dtype=torch.int64), SelectionRule())
    assert found.layers["first"].tested.all()
    assert "first reach the logits also past the tested layers" in doubts(oracle)


class Attends(nn.Module):
    """Pools the columns of the image by attention."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 1, 6))
        self.attend = nn.MultiheadAttention(6, 2, batch_first=True)
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        read, _ = self.attend(self.query.expand(len(x), -1, -1), x[:, 0], x[:, 0])
        return self.out(read)[:, 0]


def test_weights_that_are_not_tested_are_named(seeded, make_classifier, make_oracle, small):
    oracle = make_oracle(make_classifier(Attends(), (1, 6, 6), 3))
    assert [layer.name for layer in oracle.space.layers] == ["out"]
    assert oracle.space.left_out_ == ("query", "attend.in_proj_weight", "attend.out_proj.weight")
    said = doubts(oracle)
    assert "query, attend.in_proj_weight, attend.out_proj.weight (3 weights) belong to no" in said
    assert "were not tested" not in doubts(make_oracle(small))


class Rounds(Mixed):
    def forward(self, x):
        return (self.plain(x) * 1000).round() / 1000


class NoGradient(Mixed):
    @torch.no_grad()
    def forward(self, x):
        return self.plain(x)


@pytest.mark.parametrize(("network", "said"), [(Rounds, "are zero"), (NoGradient, "no gradient")])
def test_screening_needs_gradients(network, said, small, make_classifier, make_oracle, rng):
    oracle = make_oracle(make_classifier(network(small.model), small.image_shape, 3))
    units = oracle.space.encode(torch.rand(2, *small.image_shape, generator=rng))
    target = torch.tensor([[0], [1]])
    with pytest.raises(CapabilityError, match=said):
        find_mechanisms(oracle, units, target, SelectionRule(screen=3))
    assert find_mechanisms(oracle, units, target, SelectionRule()).flat("tested").any()
