"""What every graph discoverer promises."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

from causalxai.errors import ContractError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import BackgroundKnowledge, GraphDiscoverer
from causalxai.report.builder import GraphReport
from causalxai.storage.record import fault_of_record
from causalxai.testing.bench import (
    Bench,
    check,
    report_builders,
    require_declared_needs,
    require_sections,
)


@check
def discovers_a_causal_graph(bench: Bench[GraphDiscoverer]) -> None:
    """Require a ``CausalGraph`` that has nodes."""
    graph = _discovered(bench)
    is_graph = isinstance(graph, CausalGraph)
    bench.require(is_graph, f"discover returns {type(graph).__name__}, not CausalGraph")
    bench.require(bool(graph.nodes), "the graph has no nodes")


@check
def same_rng_gives_the_same_graph(bench: Bench[GraphDiscoverer]) -> None:
    """Require that all chance comes from the stage's generator."""
    complaint = "discovered twice with one seed, the graphs differ"
    bench.require(_discovered(bench) == _discovered(bench), complaint)


@check
def graph_survives_storage(bench: Bench[GraphDiscoverer]) -> None:
    """Require that the graph, all that is said of its edges included, comes back from a file."""
    graph = _discovered(bench)
    json.dumps(graph.to_json(), allow_nan=False)
    with TemporaryDirectory() as folder:
        for suffix in ("json", "graphml", "dot"):
            path = Path(folder) / f"graph.{suffix}"
            graph.save(path)
            complaint = f"the graph that comes back from {suffix} is not the one that was stored"
            bench.require(CausalGraph.load(path) == graph, complaint)


@check
def discovery_leaves_its_inputs_alone(bench: Bench[GraphDiscoverer]) -> None:
    """Require that classifier and data set are not changed, and no hook is left behind."""
    with bench.untouched("discover"):
        _discovered(bench)


@check
def graph_needs_what_it_requires(bench: Bench[GraphDiscoverer]) -> None:
    """Require that a run without what ``requires`` names is refused, and any other borne."""
    require_declared_needs(bench, bench.plugin.requires, bench.plugin.discover)


@check
def preparation_changes_nothing(bench: Bench[GraphDiscoverer]) -> None:
    """Require the same graph whether a part of it is prepared, stored and read, or not."""
    if not bench.plugin.prepares:
        return
    prepared = bench.fresh().prepare(bench.seeded())
    fault = fault_of_record(prepared)
    bench.require(fault is None, f"what it prepares {fault}")
    read = replace(prepared, meta=json.loads(json.dumps(prepared.meta)))
    graph = bench.fresh().discover(bench.seeded(), read)
    complaint = "with what was prepared before, the graph is another one"
    bench.require(graph == _discovered(bench), complaint)


@check
def forbidden_edges_stay_away(bench: Bench[GraphDiscoverer]) -> None:
    """Require a forbidden edge to be absent, not even left open, or to end in a ContractError."""
    edges = [edge for edge in _discovered(bench).edges if edge.admits(edge.source, edge.target)]
    if edges and _takes_background(bench):
        pair = edges[0].source, edges[0].target
        graph = _under(bench, BackgroundKnowledge(forbidden=(pair,)))
        edge = None if graph is None else graph.between(*pair)
        kept = edge is None or not edge.admits(*pair)
        bench.require(kept, f"{' → '.join(pair)} is forbidden, and still there")


@check
def required_edges_are_there(bench: Bench[GraphDiscoverer]) -> None:
    """Require a required edge to be present, or to end in a ContractError."""
    found = _discovered(bench)
    order = found.order()
    absent = [pair for pair in permutations(order, 2) if not found.has_edge(*pair)]
    if absent and _takes_background(bench):
        pair = min(absent, key=lambda pair: order.index(pair[0]) > order.index(pair[1]))
        graph = _under(bench, BackgroundKnowledge(required=(pair,)))
        kept = graph is None or graph.has_edge(*pair)
        bench.require(kept, f"{' → '.join(pair)} is required, and not there")


@check
def graph_sections_can_be_shown(bench: Bench[GraphDiscoverer]) -> None:
    """Require that a graph which was stored can be shown in the report."""
    graph = CausalGraph.from_json(json.loads(json.dumps(_discovered(bench).to_json())))
    inputs = replace(bench.report_inputs(), graph=graph)
    for build in report_builders(bench, "graph_discoverers"):
        report = build(bench.fresh(), graph, inputs)
        is_report = isinstance(report, GraphReport)
        found = type(report).__name__
        bench.require(is_report, f"the report builder returns {found}, not GraphReport")
        require_sections(bench, report.sections)


def _discovered(bench: Bench[GraphDiscoverer]) -> CausalGraph:
    return bench.fresh().discover(bench.seeded())


def _takes_background(bench: Bench[GraphDiscoverer]) -> bool:
    return "background" in type(bench.plugin.config).model_fields


def _under(bench: Bench[GraphDiscoverer], known: BackgroundKnowledge) -> CausalGraph | None:
    """Discover under background knowledge; ``None`` where that ends in a ContractError."""
    config = bench.plugin.config.model_copy(update={"background": known})
    try:
        return type(bench.plugin)(config).discover(bench.seeded())
    except ContractError:
        return None


DISCOVERER_CHECKS = (
    discovers_a_causal_graph,
    same_rng_gives_the_same_graph,
    graph_survives_storage,
    discovery_leaves_its_inputs_alone,
    graph_needs_what_it_requires,
    preparation_changes_nothing,
    forbidden_edges_stay_away,
    required_edges_are_there,
    graph_sections_can_be_shown,
)
