"""The discoverer, the explainer, the maps and the correction on a small network."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from causalxai import Classifier, Explanation, ScoringInputs
from causalxai.errors import CapabilityError
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Figure
from causalxai_interventional.correction import Correction
from causalxai_interventional.discoverer import InterventionalDiscoverer
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_interventional.geometry import place
from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms
from causalxai_interventional.mediators import convolutions, mediator_maps
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterSpace
from causalxai_interventional.reference_maps import reference_maps
from causalxai_interventional.report.explanation import explanation_report
from causalxai_interventional.report.graph import graph_report


@pytest.fixture
def discovered(inputs: ScoringInputs) -> ScoringInputs:
    discoverer = InterventionalDiscoverer(positives=20)
    return replace(inputs, graph=discoverer.discover(inputs), discoverer=discoverer)


def positives(inputs: ScoringInputs, index: int) -> torch.Tensor:
    test = inputs.dataset.test
    predicted = inputs.classifier.predict(test.images)
    return test.images[(test.labels == index) & (predicted == index)]


def test_frequencies_are_shares_of_the_positives(inputs: ScoringInputs):
    everybody = InterventionalDiscoverer(positives=10**6, min_frequency=0.01).discover(inputs)
    for index, name in enumerate(inputs.dataset.class_names):
        images = positives(inputs, index)
        assert everybody.annotations["positives"][name] == len(images)
        found = find_mechanisms(
            inputs.oracle,
            inputs.space.encode(images),
            torch.full((len(images), 1), index),
            SelectionRule(),
        )
        conv2 = found.layers["conv2"]
        share = conv2.supports[:, 0].double().mean(dim=0)
        for k in range(6):
            for n in range(4):
                source, target = f"conv1:{n}", f"conv2:{k}"
                if share[k, n] > 0:
                    edge = everybody.edge(source, target)
                    assert edge.annotations["supports"][name] == pytest.approx(float(share[k, n]))
        fc2 = found.layers["fc2"]
        for n in range(8):
            effects = -fc2.delta[:, 0, index, n].double()
            if fc2.supports[:, 0, index, n].any():
                edge = everybody.edge(f"fc1:{n}", f"class {name}")
                assert edge.weight == pytest.approx(float(effects.mean()), rel=1e-4)
                quantile = float(stats.t.ppf(0.975, len(images) - 1))
                half = quantile * float(effects.std()) / len(images) ** 0.5
                assert edge.high - edge.low == pytest.approx(2 * half, rel=1e-3)


def test_flattened_units_are_one_source_a_channel(discovered: ScoringInputs):
    into_fc1 = [edge for edge in discovered.graph.edges if edge.target.startswith("fc1:")]
    assert into_fc1
    assert {edge.source.split(":")[0] for edge in into_fc1} == {"conv2"}
    assert max(int(edge.source.split(":")[1]) for edge in into_fc1) < 6


def test_rare_edges_are_left_out(inputs: ScoringInputs):
    few = InterventionalDiscoverer(min_frequency=0.9).discover(inputs)
    many = InterventionalDiscoverer(min_frequency=0.05).discover(inputs)
    assert 0 < len(few.edges) < len(many.edges)
    assert all(edge.frequency >= 0.9 for edge in few.edges)


def test_filters_point_at_classes(inputs: ScoringInputs, make_oracle):
    oracle = make_oracle(inputs.classifier, "filter")
    graph = InterventionalDiscoverer().discover(replace(inputs, space=oracle.space, oracle=oracle))
    assert graph.edges
    assert all(edge.target.startswith("class ") for edge in graph.edges)
    assert {edge.source.split(":")[0] for edge in graph.edges} <= {"conv1", "conv2", "fc1"}


def test_an_unknown_class_gets_a_suggestion(inputs: ScoringInputs):
    named = replace(inputs, dataset=replace(inputs.dataset, class_names=("three", "eight", "x")))
    with pytest.raises(CapabilityError, match="did you mean 'eight'"):
        InterventionalDiscoverer(classes=["eigth"]).discover(named)


def test_all_stages_use_the_discoverers_rule_unless_they_have_their_own(discovered: ScoringInputs):
    given = SelectionRule(threshold="paper", tau=2.0, screen=7)
    discoverer = InterventionalDiscoverer(threshold="paper", tau=2.0, screen=7)
    assert discoverer.rule == given
    images = discovered.dataset.test.images[:4]

    def explained(rule: SelectionRule | None, by: object) -> Explanation:
        explainer = InterventionalExplainer(references=False, rule=rule)
        return explainer.explain(images, 0, replace(discovered, discoverer=by))

    theirs, own = explained(None, discoverer), explained(given, None)
    other = explained(None, discovered.discoverer)
    assert theirs.concepts == own.concepts
    assert torch.equal(theirs.importance, own.importance)
    assert theirs.concepts != other.concepts
    with pytest.raises(CapabilityError, match="give 'rule'"):
        explained(None, None)


def test_explanation_is_the_mechanisms(discovered: ScoringInputs):
    images = discovered.dataset.test.images[:4]
    target = discovered.classifier.predict(images)
    explanation = InterventionalExplainer().explain(images, target, discovered)
    units = discovered.space.encode(images)
    found = find_mechanisms(discovered.oracle, units, target[:, None], SelectionRule())
    names = discovered.space.names()
    column = {name: i for i, name in enumerate(explanation.concepts)}
    delta, tested = found.flat("delta")[:, 0], found.flat("tested")[:, 0]
    for concept in tested.any(dim=0).nonzero()[:, 0].tolist():
        claimed = explanation.importance[:, column[names[concept]]]
        torch.testing.assert_close(claimed, -delta[:, concept])
    assert len(explanation.concepts) == int(tested.any(dim=0).sum())
    first, *rest = explanation.maps
    assert first == "mediators, effect-weighted"
    assert rest[:2] == ["conv2 mediators, effect-weighted", "conv1 mediators, effect-weighted"]
    each = [explanation.maps[name] for name in rest[:2]]
    mean = sum(heat / heat.abs().amax(dim=(1, 2), keepdim=True) for heat in each) / 2
    torch.testing.assert_close(explanation.maps[first], mean)
    assert explanation.meta["layers"] == ["conv1", "conv2", "fc1", "fc2"]


def test_map_layers_are_checked(discovered: ScoringInputs):
    explainer = InterventionalExplainer(map_layers=["conv3"])
    with pytest.raises(CapabilityError, match="did you mean 'conv"):
        explainer.explain(discovered.dataset.test.images[:1], 0, discovered)


def test_no_map_of_another_method_stands_for_the_own(inputs: ScoringInputs, report_inputs):
    classifier, rng = inputs.classifier, torch.Generator()
    space = ParameterSpace(layers=("fc2",)).fit(classifier, inputs.dataset, rng=rng)
    oracle = ParameterOracle().bind(classifier, space)
    inputs = replace(inputs, space=space, oracle=oracle)
    discoverer = InterventionalDiscoverer(positives=5)
    inputs = replace(inputs, graph=discoverer.discover(inputs), discoverer=discoverer)
    explainer = InterventionalExplainer()
    explanation = explainer.explain(inputs.dataset.test.images[:2], 0, inputs)
    assert not explanation.maps
    assert "none of the tested layers is a convolution" in explanation.meta["remarks"][0]
    (section,) = explanation_report(explainer, explanation, report_inputs(inputs))
    assert "none of the tested layers is a convolution" in section.items[0].text


def test_mediator_maps_by_hand(inputs: ScoringInputs):
    images = inputs.dataset.test.images[:3]
    units = inputs.space.encode(images)
    target = inputs.classifier.predict(images)[:, None]
    found = find_mechanisms(inputs.oracle, units, target, SelectionRule())
    assert convolutions(inputs.oracle) == ("conv1", "conv2")
    plain, weighted = mediator_maps(inputs.oracle, units, found, ["conv2"])["conv2"]
    model = inputs.classifier.model
    response = F.relu(model.conv2(F.max_pool2d(F.relu(model.conv1(images)), 2)))
    fc1 = found.layers["fc1"]
    for i in range(3):
        causal = fc1.supports[i, 0].any(dim=0).view(6, 9).any(dim=1)
        assert torch.equal(found.layers["conv2"].mediators[i, 0], causal)
        effect = -fc1.delta[i, 0].sum(dim=0).view(6, 9).sum(dim=1)
        expected = response[i][causal].mean(dim=0)
        torch.testing.assert_close(plain[i], place(expected[None], (15, 15), (2, 2))[0])
        expected = (response[i] * (effect * causal)[:, None, None]).sum(dim=0)
        torch.testing.assert_close(weighted[i], place(expected[None], (15, 15), (2, 2))[0])


def test_mediator_maps_of_a_network_of_another_type(inputs: ScoringInputs):
    images = inputs.dataset.test.images[:3]
    target = inputs.classifier.predict(images)[:, None]
    maps = []
    for dtype in (torch.float32, torch.float64):
        classifier = Classifier(
            deepcopy(inputs.classifier.model).to(dtype),
            class_names=inputs.classifier.class_names,
            image_shape=inputs.classifier.image_shape,
        )
        space = ParameterSpace(layers=["conv1", "conv2", "fc1"])
        space.fit(classifier, inputs.dataset, rng=torch.Generator())
        oracle = ParameterOracle().bind(classifier, space)
        units = space.encode(images)
        found = find_mechanisms(oracle, units, target, SelectionRule())
        maps.append(mediator_maps(oracle, units, found, ["conv2"])["conv2"][1])
    assert maps[1].dtype == torch.float32
    torch.testing.assert_close(maps[1], maps[0], rtol=1e-3, atol=1e-4)


def test_deep_lift_sees_functional_activations(small: Classifier, rng):
    images = torch.rand(2, *small.image_shape, generator=rng)
    target = torch.tensor([0, 1])
    ours, remarks = reference_maps(small, images, target)
    assert remarks == []
    change = small.logits(images) - small.logits(torch.zeros_like(images))
    expected = change.gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(ours["DeepLIFT"].sum(dim=(1, 2)), expected, rtol=1e-3, atol=1e-5)
    assert set(ours) == {"saliency", "integrated gradients", "DeepLIFT"}
    assert not images.requires_grad


class MisleadingName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.LeakyReLU(0.9)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.relu(x.flatten(1)))


def test_deep_lift_keeps_other_activations_or_is_left_out(make_classifier, rng):
    images, target = torch.rand(3, 1, 2, 2, generator=rng) - 0.5, torch.tensor([0, 1, 0])
    leaky = make_classifier(MisleadingName(), (1, 2, 2), 2)
    lift = reference_maps(leaky, images, target)[0]["DeepLIFT"]
    change = leaky.logits(images) - leaky.logits(torch.zeros_like(images))
    torch.testing.assert_close(lift.flatten(1).sum(1), change.gather(1, target[:, None])[:, 0])
    leaky.model.relu = nn.GELU()
    maps, (remark,) = reference_maps(leaky, images, target)
    assert "DeepLIFT" not in maps
    assert "DeepLIFT is left out" in remark


def test_edges_count_where_the_algorithm_came_to_them(inputs: ScoringInputs):
    graph = InterventionalDiscoverer(positives=10**6, min_frequency=0.01).discover(inputs)
    for index, name in enumerate(inputs.dataset.class_names):
        images = positives(inputs, index)
        found = find_mechanisms(
            inputs.oracle,
            inputs.space.encode(images),
            torch.full((len(images), 1), index),
            SelectionRule(),
        ).layers["conv2"]
        for edge in graph.edges:
            share = edge.annotations["supports"][name]
            if not edge.target.startswith("conv2:") or share != edge.frequency:
                continue
            k, n = edge.annotations["k"], edge.annotations["n"]
            came = found.tested[:, 0, k, n]
            mean = -float(found.delta[came, 0, k, n].mean())
            if edge.weight == pytest.approx(mean, rel=1e-3):
                break
        else:
            pytest.fail(f"no edge of class {name} has the mean over the images it was tested in")


def test_rounding_errors_support_nothing(make_oracle, small: Classifier):
    with torch.no_grad():
        small.model.conv1.bias.zero_()
    oracle = make_oracle(small)
    black = torch.zeros(10, *small.image_shape)
    found = find_mechanisms(
        oracle, oracle.space.encode(black), torch.zeros(10, 1, dtype=torch.int64), SelectionRule()
    )
    assert not found.layers["conv1"].supports.any()


def test_correction_prints_all_controls(discovered: ScoringInputs):
    explanation = InterventionalExplainer(references=False).explain(
        discovered.dataset.test.images[:2], 0, discovered
    )
    result = Correction().compute(explanation, discovered)
    assert result.status == "ok", result.reason
    assert result.estimate.n == 10
    assert set(result.controls) == {
        "aimed at a random wrong class",
        "aimed at the runner-up",
        "a random set of the same size",
        "without the label",
    }
    assert result.chance == result.controls["a random set of the same size"]


def test_correction_by_hand(discovered: ScoringInputs, naive):
    test = discovered.dataset.test
    wrong = (discovered.classifier.predict(test.images) != test.labels).nonzero()[:, 0]
    repaired = unlabelled = 0
    d = len(discovered.space.concepts)
    for i in wrong.tolist():
        image = test.images[i : i + 1]
        units = discovered.space.encode(image)
        found = find_mechanisms(discovered.oracle, units, torch.arange(3)[None], SelectionRule())
        own = []
        for k in range(3):
            kept = set(found.flat("supports")[0, k].nonzero()[:, 0].tolist())
            logits = naive(discovered.oracle, image, [c for c in range(d) if c not in kept])[0]
            own.append(float(logits[k]))
            if k == int(test.labels[i]):
                repaired += int(logits.argmax()) == k
        unlabelled += own.index(max(own)) == int(test.labels[i])
    explanation = InterventionalExplainer(references=False).explain(test.images[:1], 0, discovered)
    result = Correction().compute(explanation, discovered)
    assert result.estimate.value == pytest.approx(repaired / len(wrong))
    assert result.controls["without the label"].value == pytest.approx(unlabelled / len(wrong))


def test_no_error_no_correction(discovered: ScoringInputs):
    test = discovered.dataset.test
    right = replace(test, labels=discovered.classifier.predict(test.images))
    perfect = replace(discovered, dataset=replace(discovered.dataset, test=right))
    explanation = InterventionalExplainer(references=False).explain(test.images[:1], 0, perfect)
    result = Correction().compute(explanation, perfect)
    assert (result.status, result.estimate) == ("skipped", None)
    assert "has no error" in result.reason


@pytest.mark.slow
def test_sections_can_be_drawn(
    discovered: ScoringInputs, report_inputs: Callable[[ScoringInputs], ReportInputs]
):
    images = discovered.dataset.test.images[:6]
    explainer = InterventionalExplainer()
    explanation = explainer.explain(images, discovered.classifier.predict(images), discovered)
    inputs = report_inputs(discovered)
    first, again = (explanation_report(explainer, explanation, inputs) for _ in range(2))
    assert [section.title for section in first] == [
        "Where the mediators respond",
        "Effects of single edges",
    ]
    assert first == again, "the same explanation gives the same bytes"
    figures = [item for section in first for item in section.items if isinstance(item, Figure)]
    assert not [figure for figure in figures if "mathdefault" in (figure.svg or "")]
    report = graph_report(InterventionalDiscoverer(), discovered.graph, inputs)
    (frequencies,) = report.sections
    assert frequencies.title == "Causal edges across images"
