"""Every built-in plugin keeps the promises of its interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.classifier import Classifier
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset, Split
from causalxai.explainer import Explainer, Explanation
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.intervention import Intervention
from causalxai.metric import Metric, ScoringInputs
from causalxai.metrics.pixel_flipping import Deletion, Insertion
from causalxai.oracle import Oracle
from causalxai.plugin import Plugin
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai.testing.trial import bind
from causalxai_interventional.correction import Correction
from causalxai_interventional.discoverer import InterventionalDiscoverer
from causalxai_interventional.edge_counts import ClassSpecificEdges, NeutralEdges
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_interventional.opposition import OppositionRemoved
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterSpace

GRANULARITIES = ("slice", "filter")
# On this network, auto takes dataflow.
STRATEGIES = ("auto", "vmap", "expanded")
CLASSES = ("a", "b", "c")


class SmallNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3)
        self.conv2 = nn.Conv2d(3, 4, 3)
        self.fc1 = nn.Linear(4 * 3 * 3, 6)
        self.fc2 = nn.Linear(6, len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        hidden = F.max_pool2d(F.relu(self.conv1(images)), 2)
        hidden = F.relu(self.conv2(hidden)).flatten(1)
        logits: Tensor = self.fc2(F.relu(self.fc1(hidden)))
        return logits


def small_network(images: Tensor) -> SmallNetwork:
    """Untrained; its units are awake, and each class is the likeliest for some images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallNetwork()
    with torch.no_grad():
        for layer in (network.conv1, network.conv2, network.fc1):
            layer.bias.fill_(0.5)
        logits = network(images)
        network.fc2.weight /= logits.std(dim=0)[:, None]
        network.fc2.bias.zero_()
        network.fc2.bias -= network(images).mean(dim=0)
    return network


@cache
def small_inputs(granularity: str) -> ScoringInputs:
    """Return inputs without a graph; every fourth label is not the class that is predicted.

    All benches share them, because a check that passes leaves them as they were.
    """
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(24, 1, 12, 12, generator=rng) * torch.rand(24, 1, 1, 1, generator=rng)
    classifier = Classifier(
        small_network(images), class_names=CLASSES, image_shape=(1, 12, 12), feature_layer="fc1"
    )
    labels = classifier.predict(images)
    labels[::4] = (labels[::4] + 1) % len(CLASSES)
    split = Split(images, labels)
    dataset = Dataset(train=split, test=split, class_names=CLASSES)
    space = ParameterSpace(granularity=granularity).fit(classifier, dataset, rng=rng)
    oracle = ParameterOracle().bind(classifier, space)
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=rng, space=space, oracle=oracle
    )


def small_bench(
    make: Callable[[], Plugin], granularity: str = "slice", *, graph: bool = False
) -> Bench[Any]:
    inputs = inputs_with_graph(granularity) if graph else small_inputs(granularity)
    # The state of a generator does change.
    inputs = replace(inputs, rng=torch.Generator().manual_seed(0))
    return Bench(plugin=make(), inputs=inputs, images=inputs.dataset.test.images[:4])


@cache
def inputs_with_graph(granularity: str) -> ScoringInputs:
    inputs = small_inputs(granularity)
    discoverer = InterventionalDiscoverer(positives=4)
    return replace(inputs, graph=discoverer.discover(inputs), discoverer=discoverer)


@cache
def small_explanation() -> Explanation:
    bench = small_bench(Deletion, graph=True)
    target = bench.inputs.classifier.predict(bench.images)
    return InterventionalExplainer(references=False).explain(bench.images, target, bench.inputs)


def small_metric_bench(make: Callable[[], Plugin]) -> Bench[Any]:
    return replace(small_bench(make, graph=True), explanation=small_explanation())


def small_edges_bench(make: Callable[[], Plugin]) -> Bench[Any]:
    bench = small_metric_bench(make)
    explainer = InterventionalExplainer(references=False)
    return replace(bench, inputs=replace(bench.inputs, explainer=explainer))


SPACES = [
    Case(
        f"space-{granularity}",
        ConceptSpace,
        partial(small_bench, partial(ParameterSpace, granularity=granularity)),
    )
    for granularity in GRANULARITIES
]
ORACLES = [
    Case(
        f"oracle-{strategy}-{granularity}",
        Oracle,
        partial(small_bench, partial(ParameterOracle, strategy=strategy), granularity),
    )
    for strategy in STRATEGIES
    for granularity in GRANULARITIES
]
METHOD = [
    *(
        Case(
            f"discoverer-{granularity}",
            GraphDiscoverer,
            partial(small_bench, partial(InterventionalDiscoverer, positives=4), granularity),
        )
        for granularity in GRANULARITIES
    ),
    Case(
        "discoverer-paper",
        GraphDiscoverer,
        partial(small_bench, partial(InterventionalDiscoverer, positives=4, threshold="paper")),
    ),
    Case(
        "discoverer-screened",
        GraphDiscoverer,
        partial(small_bench, partial(InterventionalDiscoverer, positives=4, screen=5)),
    ),
    *(
        Case(
            f"explainer-{granularity}",
            Explainer,
            partial(small_bench, InterventionalExplainer, granularity, graph=True),
        )
        for granularity in GRANULARITIES
    ),
]
METRICS = [
    Case("deletion", Metric, partial(small_metric_bench, Deletion)),
    Case("insertion", Metric, partial(small_metric_bench, partial(Insertion, baseline="mean"))),
    Case("correction", Metric, partial(small_metric_bench, Correction)),
    Case("opposition-removed", Metric, partial(small_metric_bench, OppositionRemoved)),
    Case("neutral-edges", Metric, partial(small_edges_bench, NeutralEdges)),
    Case("class-specific-edges", Metric, partial(small_edges_bench, ClassSpecificEdges)),
]


@parametrize_with_checks([*SPACES, *ORACLES, *METHOD, *METRICS])
def test_conformance(case: Case, check: Check) -> None:
    check(case.build())


def test_the_bench_has_hits_and_errors_of_every_class() -> None:
    inputs = small_inputs("slice")
    test = inputs.dataset.test
    predicted = inputs.classifier.predict(test.images)
    assert all(((predicted == k) & (test.labels == k)).any() for k in range(len(CLASSES)))
    assert 0.5 < inputs.classifier.accuracy(test.images, test.labels) < 1


@pytest.mark.parametrize("case", METRICS, ids=[case.name for case in METRICS])
def test_metrics_have_a_score_on_their_bench(case: Case) -> None:
    bench = case.build()
    assert bench.plugin.compute(bench.explanation, bench.inputs).status == "ok"


@pytest.mark.parametrize("case", ORACLES[:2], ids=GRANULARITIES)
def test_what_oracles_are_asked_makes_a_difference(case: Case) -> None:
    trial = bind(case.build())
    asked = trial.interventions()
    moved = (trial.ask(asked) - trial.ask(Intervention.none())).abs().amax(dim=(1, 2))
    done = (asked.targets >= 0).any(dim=1)
    assert (moved[done] > 1e-3).all()
    assert (moved[~done] < 1e-6).all()
