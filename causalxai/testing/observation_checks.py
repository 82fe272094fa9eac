"""What a graph discoverer promises that reads nothing but the data set's concepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.errors import CausalxaiError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.metric import ScoringInputs
from causalxai.testing.bench import Bench, check


@check
def units_of_observations_do_not_matter(bench: Bench[GraphDiscoverer]) -> None:
    """Require the same edges in other units, and with other zero points, of the concepts.

    Concepts of two values are left as they are, because 0 and 1 are not measured in a unit.
    """
    if not _reads_observations_alone(bench):
        return
    found = _edges(bench.fresh().discover(bench.seeded()))
    values = _observed(bench)
    measured = torch.tensor([len(column.unique()) > 2 for column in values.T])
    for large, shift in ((1e3, 0.0), (1e6, 0.0), (1.0, 1e4)):
        units = torch.tensor([large, 1 / large]).repeat(values.shape[1])[: values.shape[1]].double()
        other = torch.where(measured, values * units + shift * values.std(dim=0), values)
        now = _edges(bench.fresh().discover(_with(bench, other)))
        changed = ", ".join(sorted(" ".join(edge) for edge in found ^ now))
        how = f"an offset of {shift:g} sd" if shift else f"units of {large:g} and {1 / large:g}"
        bench.require(found == now, f"{how} of the concepts change edges: {changed}")


@check
def names_of_observations_do_not_matter(bench: Bench[GraphDiscoverer]) -> None:
    """Require the same edges when the concepts are called otherwise."""
    if not _reads_observations_alone(bench):
        return
    names = bench.inputs.dataset.concept_names
    other = [f"{len(names) - k} — renamed; {name}" for k, name in enumerate(names)]
    inputs = bench.seeded()
    inputs = replace(inputs, dataset=replace(inputs.dataset, concept_names=tuple(other)))
    called = dict(zip(names, other, strict=True))
    found = {
        (called.get(a, a), mark, called.get(b, b))
        for a, mark, b in _edges(bench.fresh().discover(bench.seeded()))
    }
    now = _edges(bench.fresh().discover(inputs))
    bench.require(found == now, "other names of the concepts change the edges")


@check
def unfit_observations_are_refused_in_words(bench: Bench[GraphDiscoverer]) -> None:
    """Require a graph, or an error of causalxai, for tables in which little can be found."""
    if not _reads_observations_alone(bench):
        return
    for what, values in _unfit(_observed(bench)):
        try:
            bench.fresh().discover(_with(bench, values))
        except CausalxaiError:
            continue
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            complaint = f"{what} must give a graph or an error of causalxai, not {said}"
            bench.require(False, complaint)


def _unfit(values: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield tables with something that methods may not be able to use."""
    first = torch.arange(len(values)) == 0
    last = values[:, -1]
    for what, column in (
        ("a constant concept", torch.ones_like(last)),
        ("a concept that is twice another", 2 * values[:, 0]),
        ("a concept that one image has", first.double()),
        ("a concept without a value for an image", last.masked_fill(first, torch.nan)),
        ("a concept with an infinite value", last.masked_fill(first, torch.inf)),
    ):
        yield what, torch.cat([values[:, :-1], column[:, None]], dim=1)
    yield "a table of zeros", torch.zeros_like(values)


def _reads_observations_alone(bench: Bench[GraphDiscoverer]) -> bool:
    return set(bench.plugin.requires) == {Capability.OBSERVATIONS}


def _observed(bench: Bench[GraphDiscoverer]) -> Tensor:
    concepts = bench.inputs.dataset.train.concepts
    assert concepts is not None
    return concepts.double()


def _with(bench: Bench[GraphDiscoverer], values: Tensor) -> ScoringInputs:
    inputs = bench.seeded()
    train = replace(inputs.dataset.train, concepts=values)
    return replace(inputs, dataset=replace(inputs.dataset, train=train))


def _edges(graph: CausalGraph) -> frozenset[tuple[str, str, str]]:
    """Return each edge as source, mark and target; symmetric ones in the order of the nodes."""
    found = set()
    for edge in graph.edges:
        pair = [edge.source, edge.target]
        if edge.kind.symmetric:
            pair.sort(key=graph.nodes.index)
        found.add((pair[0], edge.kind.mark, pair[1]))
    return frozenset(found)


OBSERVATION_CHECKS = (
    units_of_observations_do_not_matter,
    names_of_observations_do_not_matter,
    unfit_observations_are_refused_in_words,
)
