"""Scores of a graph against the true one, and of the agreement of two graphs.

All scores are restricted to the nodes that both graphs have. Each score says for which kinds of
edges it is defined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from causalxai.graph import CausalGraph, Edge, EdgeKind, edges_in_words
from causalxai.metric import MetricUndefinedError

Claim: TypeAlias = "tuple[str, str] | tuple[int, int] | frozenset[str] | frozenset[int]"
"""An edge as ``index_of`` counts it: (a, b) for a → b, {a, b} for another one."""


def common_part(found: CausalGraph, truth: CausalGraph) -> tuple[CausalGraph, CausalGraph]:
    """Return two graphs among the nodes that both have, in the truth's order."""
    common = [node for node in truth.nodes if node in found.nodes]
    return found.among(common), truth.among(common)


def directed_member(graph: CausalGraph) -> CausalGraph:
    """Return a directed member of the class that a partially directed graph represents.

    It has the same skeleton and the same colliders, and therefore implies the same independences
    as any other member [1]_. Effects differ between members.

    Raises
    ------
    MetricUndefinedError
        If there is none, or the graph has edges that are neither directed nor undirected.

    References
    ----------
    .. [1] Dor, Tarsi, "A simple algorithm to construct a consistent extension of a partially
       oriented graph", 1992.
    """
    _require_kinds(graph, "a directed member", _DIRECTED_OR_OPEN)
    beside: dict[str, set[str]] = {node: set() for node in graph.nodes}
    for edge in graph.edges:
        beside[edge.source].add(edge.target)
        beside[edge.target].add(edge.source)
    arrows = {(edge.source, edge.target) for edge in graph.directed_edges}
    left = list(graph.nodes)
    while left:
        sink = next((node for node in left if _can_be_last(node, left, graph, beside)), None)
        if sink is None:
            undirected = edges_in_words(graph.edges_of(EdgeKind.UNDIRECTED))
            raise MetricUndefinedError(
                f"every choice of directions for {undirected} makes a cycle, or a collider that "
                "the graph does not have"
            )
        arrows |= {(other, sink) for other in graph.neighbours(sink) if other in left}
        left.remove(sink)
    return CausalGraph(graph.nodes, sorted(arrows))


def _can_be_last(
    node: str, left: Sequence[str], graph: CausalGraph, beside: Mapping[str, Set[str]]
) -> bool:
    """Return whether all edges among the nodes left can point to a node without a new collider."""
    near = beside[node] & set(left)
    return not near & set(graph.children(node)) and all(
        near - {other} <= beside[other] for other in near & set(graph.neighbours(node))
    )


def index(found: CausalGraph, truth: CausalGraph, *, free: int = 0) -> float:
    """Return GLANCE's correctness index, at most 1.

    It is ``(free + correct - additional) / (free + true edges)``. Additional are reversed edges,
    edges of any kind between nodes that are not joined in the truth, and bidirected edges in place
    of directed ones. An edge that leaves the true mark open is neither correct nor additional.

    Parameters
    ----------
    found, truth
        The graphs; all of the truth's edges are directed or bidirected.
    free
        Edges that come free to every method: those from each concept into the image.

    Raises
    ------
    MetricUndefinedError
        If the truth has no edge, or leaves marks open.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.3.
    """
    one, true = common_part(found, truth)
    known = (EdgeKind.DIRECTED, EdgeKind.BIDIRECTED)
    _require_kinds(true, "the correctness index, of true graphs", known)
    definite = {_claim(edge) for edge in one.edges if edge.kind in known or _denies(edge, true)}
    rest = {edge.pair for edge in one.edges if edge.kind not in known and not _denies(edge, true)}
    return index_of(definite, rest, {_claim(edge) for edge in true.edges}, free=free)


def _claim(edge: Edge) -> Claim:
    return edge.pair if edge.kind is EdgeKind.BIDIRECTED else (edge.source, edge.target)


def _denies(edge: Edge, true: CausalGraph) -> bool:
    """Return whether the edge is a o→ b where b → a is true."""
    return edge.kind is EdgeKind.PARTIALLY_DIRECTED and true.has_edge(edge.target, edge.source)


def index_of(claims: Set[Claim], opened: Set[Claim], truth: Set[Claim], *, free: int = 0) -> float:
    """Return the ``index`` of edges as sets of pairs, of names or of numbers.

    Parameters
    ----------
    claims, truth
        (a, b) for a → b, {a, b} for a ↔ b.
    opened
        {a, b} for pairs that are joined with open marks.
    free
        See ``index``.
    """
    if not free + len(truth):
        raise MetricUndefinedError("the true graph has no edge, so that none can be found")
    neighbours = {frozenset(claim) for claim in truth}
    additional = len(claims - truth) + len(opened - neighbours)
    return (free + len(claims & truth) - additional) / (free + len(truth))


def shd(found: CausalGraph, truth: CausalGraph) -> int:
    """Return the structural Hamming distance: pairs with other marks; a reversed edge counts 1."""
    one, other = ({edge.pair: edge.claim for edge in g.edges} for g in common_part(found, truth))
    return sum(one.get(pair) != other.get(pair) for pair in one.keys() | other.keys())


def agreement(one: CausalGraph, other: CausalGraph) -> float:
    """Return the share of pairs of shared nodes that both graphs join alike, in [0, 1]."""
    nodes = len(common_part(one, other)[0].nodes)
    pairs = nodes * (nodes - 1) // 2
    return 1 - shd(one, other) / pairs if pairs else 1.0


def skeleton_f1(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the F1 of the pairs that are joined, marks aside, in [0, 1].

    Raises
    ------
    MetricUndefinedError
        If neither graph has an edge.
    """
    one, true = ({edge.pair for edge in graph.edges} for graph in common_part(found, truth))
    if not one | true:
        raise MetricUndefinedError("neither graph has an edge")
    return 2 * len(one & true) / (len(one) + len(true))


def orientation_accuracy(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the share of correct directions among oriented edges of truly joined pairs, in [0, 1].

    Raises
    ------
    MetricUndefinedError
        If no edge between truly joined nodes is oriented.
    """
    one, true = common_part(found, truth)
    met = [edge for edge in one.directed_edges if true.between(edge.source, edge.target)]
    if not met:
        raise MetricUndefinedError("no edge between true neighbours is oriented")
    return sum(true.has_edge(edge.source, edge.target) for edge in met) / len(met)


def sid(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the structural intervention distance [1]_, a share of pairs, by ``gadjid``.

    It counts the ordered pairs for which the parents in the found graph are not a valid adjustment
    set in the true graph.

    Raises
    ------
    MetricUndefinedError
        If one of the graphs has edges that are not directed, or fewer than two nodes are shared.

    References
    ----------
    .. [1] Peters, Bühlmann, "Structural intervention distance for evaluating causal graphs",
       Neural Computation 27, 2015.
    """
    import gadjid

    true, one = _matrices(found, truth, "SID", (EdgeKind.DIRECTED,))
    return float(gadjid.sid(true, one, edge_direction=_DIRECTION)[0])


def ancestor_aid(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the ancestor adjustment identification distance [1]_, a share of pairs.

    Graphs with undirected edges are accepted if they represent a Markov equivalence class (CPDAG).

    Raises
    ------
    MetricUndefinedError
        If a graph is neither directed nor a CPDAG, or fewer than two nodes are shared.

    References
    ----------
    .. [1] Henckel, Würtzen, Weichwald, "Adjustment identification distance: a gadjid for causal
       structure learning", UAI 2024.
    """
    import gadjid

    true, one = _matrices(found, truth, "ancestor-AID", _DIRECTED_OR_OPEN)
    for graph in common_part(found, truth):
        if graph.edges_of(EdgeKind.UNDIRECTED) and not is_cpdag(graph):
            raise MetricUndefinedError("ancestor-AID is defined only for DAGs and CPDAGs")
    return float(gadjid.ancestor_aid(true, one, edge_direction=_DIRECTION)[0])


_DIRECTED_OR_OPEN = (EdgeKind.DIRECTED, EdgeKind.UNDIRECTED)
_DIRECTION = "from row to column"
_UNDIRECTED = 2


def is_cpdag(graph: CausalGraph) -> bool:
    """Return whether a graph is a CPDAG, by comparison with the CPDAG of one of its members."""
    if graph.edges_of(*(kind for kind in EdgeKind if kind not in _DIRECTED_OR_OPEN)):
        return False
    try:
        pattern = pattern_of(directed_member(graph))
    except MetricUndefinedError:
        return False
    return {edge.claim for edge in pattern.edges} == {edge.claim for edge in graph.edges}


def pattern_of(dag: CausalGraph) -> CausalGraph:
    """Return the pattern of the Markov equivalence class of a directed graph, by causal-learn.

    Edges that point one way in all of the class's graphs are directed, the others undirected.
    """
    from causallearn.graph.Dag import Dag
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.utils.DAG2CPDAG import dag2cpdag

    nodes = {name: GraphNode(name) for name in dag.nodes}
    theirs = Dag(list(nodes.values()))
    for edge in dag.directed_edges:
        theirs.add_directed_edge(nodes[edge.source], nodes[edge.target])
    # i → j is written ends[i, j] = -1 and ends[j, i] = 1; i — j is -1 twice.
    ends = dag2cpdag(theirs).graph
    edges = [
        Edge(
            dag.nodes[i],
            dag.nodes[j],
            EdgeKind.DIRECTED if ends[j, i] == 1 else EdgeKind.UNDIRECTED,
        )
        for i, j in np.argwhere(ends == -1)
        if ends[j, i] == 1 or i < j
    ]
    return CausalGraph(dag.nodes, edges)


def random_graph(like: CausalGraph, nodes: Sequence[str], rng: np.random.Generator) -> CausalGraph:
    """Draw a random graph over some nodes, with as many edges of each kind as another graph.

    The nodes get a random order; pairs are drawn, and the earlier node of a pair is the cause.
    """
    kinds = [edge.kind for edge in like.among(nodes).edges]
    order = [str(name) for name in rng.permutation(list(nodes))]
    pairs = list(combinations(order, 2))
    chosen = rng.permutation(len(pairs))[: len(kinds)]
    # Directed ones come last.
    ranked = sorted(kinds, key=list(EdgeKind).index, reverse=True)
    drawn = zip((pairs[number] for number in chosen), ranked, strict=True)
    return CausalGraph(nodes, [Edge(a, b, kind) for (a, b), kind in drawn])


def _require_kinds(graph: CausalGraph, what: str, kinds: Sequence[EdgeKind]) -> None:
    """Raise MetricUndefinedError if a graph has edges for which a score is not defined."""
    others = [edge for edge in graph.edges if edge.kind not in kinds]
    if others:
        raise MetricUndefinedError(
            f"{what} is defined for graphs with {' and '.join(kinds)} edges alone, not with "
            f"{edges_in_words(others)}"
        )


def _matrices(
    found: CausalGraph, truth: CausalGraph, what: str, kinds: Sequence[EdgeKind]
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the true and the found graph in gadjid's form."""
    one, true = common_part(found, truth)
    if len(one.nodes) < 2:
        raise MetricUndefinedError("the graphs share fewer than two nodes")
    place = {node: number for number, node in enumerate(true.nodes)}
    matrices = []
    for graph in (true, one):
        _require_kinds(graph, what, kinds)
        matrix = np.zeros((len(place), len(place)), dtype=np.int8)
        for edge in graph.edges:
            mark = 1 if edge.directed else _UNDIRECTED
            matrix[place[edge.source], place[edge.target]] = mark
        matrices.append(matrix)
    return matrices[0], matrices[1]
