"""Bits → classes, bits → attributes: the mean of what the oracle answers, image by image."""

from dataclasses import replace

import pytest
import torch

from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.intervention import Intervention
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai_dvae import discoverer
from causalxai_dvae.discoverer import BitDiscoverer, _against_the_first, _attribute_nodes
from causalxai_dvae.probe import ProbeConfig, fit_probe
from causalxai_dvae.report.effects import graph_report

QUICK = {"units": 40}


@pytest.fixture
def graph(bit_context):
    return BitDiscoverer(**QUICK, threshold=0.0, least_attribute=0.0).discover(bit_context)


def test_bits_point_at_classes_and_attributes_and_never_at_each_other(graph, bit_space):
    bits = set(bit_space.names())
    assert set(graph.nodes) == bits | {"standing", "lying", "crossed", "bright"}
    assert graph.edges
    assert all(edge.source in bits and edge.target not in bits for edge in graph.edges)


def test_a_weight_is_the_mean_difference_of_logits(graph, bit_context, bit_space):
    images = bit_context.dataset.test.images
    rows = torch_generator(0, "tests")
    # The discoverer first fits its probe with the context's generator: the same draws here.
    fit_probe(bit_context.dataset, ProbeConfig(), device=torch.device("cpu"), rng=rows)
    chosen = images[torch.randperm(len(images), generator=rows)[:40]]
    units = bit_space.encode(chosen)
    for edge in graph.edges:
        if edge.target == "bright":
            continue
        bit = torch.tensor([bit_space.names().index(edge.source)])
        column = bit_context.classifier.class_names.index(edge.target)
        on, off = (
            bit_context.oracle.query(units, Intervention.set(bit, value)).logits[0, :, column]
            for value in (1.0, 0.0)
        )
        assert edge.weight == pytest.approx(float((on - off).mean()), abs=1e-4)
        assert edge.low <= edge.weight <= edge.high
        assert 0 <= edge.frequency <= 1


def again(inputs):
    """Return a context whose generator draws what that of the graph drew."""
    return replace(inputs, rng=torch_generator(0, "tests"))


def test_a_threshold_keeps_the_strongest_of_each_target(bit_context, graph):
    settings = {**QUICK, "least_attribute": 0.0}
    kept = BitDiscoverer(**settings, threshold=1.0).discover(again(bit_context))
    some = BitDiscoverer(**settings, threshold=0.5).discover(again(bit_context))
    for target in ("standing", "lying", "crossed", "bright"):
        weights = {e.source: abs(e.weight) for e in graph.edges if e.target == target}
        strongest = max(weights, key=weights.get)
        assert len(weights) > 1
        assert [e.source for e in kept.edges if e.target == target] == [strongest]
        half = {bit for bit, weight in weights.items() if weight >= weights[strongest] / 2}
        assert {e.source for e in some.edges if e.target == target} == half
    assert len(graph.edges) > len(some.edges) > len(kept.edges)


def test_pictures_are_asked_for_some_at_a_time(bit_context, graph, monkeypatch):
    images, chunks = 16 * 16, []
    monkeypatch.setattr(discoverer, "_NUMBERS_AT_ONCE", 2 * 6 * images * 7 + 1)
    query = type(bit_context.oracle).query

    def note(oracle, units, *args, **options):
        chunks.append(len(units))
        return query(oracle, units, *args, **options)

    monkeypatch.setattr(type(bit_context.oracle), "query", note)
    parts = BitDiscoverer(**QUICK, threshold=0.0, least_attribute=0.0).discover(again(bit_context))
    assert chunks == [7, 7, 7, 7, 7, 5]
    for one, other in zip(parts.edges, graph.edges, strict=True):
        assert (one.source, one.target) == (other.source, other.target)
        assert one.weight == pytest.approx(other.weight, abs=1e-4)


def test_attributes_can_be_left_out(bit_context):
    graph = BitDiscoverer(units=20, attributes=False).discover(bit_context)
    assert "bright" not in graph.nodes


@pytest.mark.parametrize("name", ["lying", "bit 0"])
def test_an_attribute_may_be_called_like_a_class_or_a_bit(bit_context, graph, name: str):
    dataset = replace(bit_context.dataset, concept_names=(name,))
    found = BitDiscoverer(**QUICK, threshold=0.0, least_attribute=0.0).discover(
        replace(again(bit_context), dataset=dataset)
    )
    assert found.nodes == tuple(f"{name} (pictured)" if n == "bright" else n for n in graph.nodes)
    weights = [e.weight for e in graph.edges if e.target == "bright"]
    assert [e.weight for e in found.edges if e.target == f"{name} (pictured)"] == weights
    assert f"{name} (pictured)" in found.annotations["probes_read"]


def test_names_of_attributes_stay_where_they_can_and_never_clash():
    assert _attribute_nodes(("a", "b"), ("c",)) == ("a", "b")
    again = "a (pictured)"
    assert _attribute_nodes(("a", again), ("a",)) == (f"{again} (pictured)", again)
    assert len({*_attribute_nodes(("a", again), ("a", again)), "a", again}) == 4


def test_two_classes_have_one_node():
    logits = torch.tensor([[1.0, 4.0], [2.0, -1.0]])
    assert _against_the_first(logits).tolist() == [[3.0], [-3.0]]


def test_the_section_shows_every_target(bit_context, graph, report_inputs):
    report = graph_report(BitDiscoverer(**QUICK), graph, report_inputs(bit_context))
    (section,) = report.sections
    figure = section.items[-1]
    assert all(name in figure.svg for name in ("standing", "lying", "crossed", "bright"))


@pytest.mark.parametrize("check", checks_for(GraphDiscoverer), ids=lambda check: check.__name__)
def test_conformance(check, bit_context):
    check(
        Bench(
            plugin=BitDiscoverer(**QUICK),
            inputs=bit_context,
            images=bit_context.dataset.test.images[:4],
        )
    )
