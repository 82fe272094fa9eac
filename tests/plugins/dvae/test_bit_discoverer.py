"""Bits → classes, bits → attributes: the mean of what the oracle answers, image by image."""

from dataclasses import replace

import pytest
import torch

from causalxai.errors import ContractError
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.intervention import Intervention
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, checks_for
from causalxai_dvae.discoverer import BitDiscoverer, _against_the_first
from causalxai_dvae.probe import ProbeConfig, fit_probe

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


def test_a_threshold_keeps_the_strongest_of_each_target(bit_context, graph):
    kept = BitDiscoverer(**QUICK, threshold=1.0).discover(
        replace(bit_context, rng=torch_generator(0, "tests"))
    )
    for target in ("standing", "lying", "crossed"):
        strongest = max(abs(e.weight) for e in graph.edges if e.target == target)
        assert [abs(e.weight) for e in kept.edges if e.target == target] in ([strongest], [])
        assert len([e for e in kept.edges if e.target == target]) <= 1


def test_attributes_can_be_left_out(bit_context):
    graph = BitDiscoverer(units=20, attributes=False).discover(bit_context)
    assert "bright" not in graph.nodes


def test_an_attribute_may_not_be_called_like_a_class(bit_context):
    dataset = replace(bit_context.dataset, concept_names=("lying",))
    with pytest.raises(ContractError, match="'lying' has the name of a bit or a class"):
        BitDiscoverer(**QUICK).discover(replace(bit_context, dataset=dataset))


def test_two_classes_have_one_node():
    logits = torch.tensor([[1.0, 4.0], [2.0, -1.0]])
    assert _against_the_first(logits).tolist() == [[3.0], [-3.0]]


def test_the_section_shows_every_target(bit_context, graph):
    (section,) = BitDiscoverer(**QUICK).sections(graph, bit_context)
    figure = section.items[-1]
    assert all(name in figure.svg for name in ("standing", "lying", "crossed", "bright"))


@pytest.mark.parametrize("check", checks_for(GraphDiscoverer), ids=lambda check: check.__name__)
def test_conformance(check, bit_context):
    check(
        Bench(
            plugin=BitDiscoverer(**QUICK),
            context=bit_context,
            images=bit_context.dataset.test.images[:4],
        )
    )
