"""How right a graph is, and how alike two graphs are.

A graph is a ``CausalGraph``. Pairs whose direction a method leaves open stand in
``meta["undirected"]`` as ``"a — b; c — d"``, or are edges that say so themselves
(``DIRECTION_TOLD``). All scores look at the nodes that both graphs have: the known sub-graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from causalxai.graph import CausalGraph, Edge
from causalxai.metric import MetricUndefinedError

Arrow = tuple[str, str]
Pair = frozenset[str]
Node = TypeVar("Node", str, int)

DIRECTION_TOLD = "direction told"
"""What an edge's ``extra`` says of its direction: 0 where it could as well be the other, else 1."""


@dataclass(frozen=True)
class SharedEdges:
    """The edges of a graph among some nodes.

    Parameters
    ----------
    nodes
        Which nodes.
    directed
        (a, b) for a → b.
    undirected
        Neighbours without a direction.
    """

    nodes: tuple[str, ...]
    directed: frozenset[Arrow]
    undirected: frozenset[Pair]

    @property
    def skeleton(self) -> frozenset[Pair]:
        """All neighbours."""
        return frozenset(map(frozenset, self.directed)) | self.undirected

    def state(self, pair: Pair) -> Arrow | str:
        """Return how two nodes are joined."""
        for arrow in self.directed:
            if frozenset(arrow) == pair:
                return arrow
        return "undirected" if pair in self.undirected else "apart"


def undirected_pairs(graph: CausalGraph) -> frozenset[Pair]:
    """Return the neighbours whose direction the graph's method leaves open, either way of telling.

    Raises
    ------
    ValueError
        If ``meta["undirected"]`` is no list of pairs of the graph's nodes.
    """
    told = str(graph.meta.get("undirected", ""))
    pairs = frozenset(frozenset(pair.split(" — ")) for pair in told.split("; ") if pair)
    strangers = {name for pair in pairs for name in pair} - set(graph.nodes)
    if strangers or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"meta['undirected'] names pairs of nodes as 'a — b; c — d', not {told!r}")
    return pairs | {frozenset((edge.source, edge.target)) for edge in graph.edges if _open(edge)}


def shared_edges(found: CausalGraph, truth: CausalGraph) -> tuple[SharedEdges, SharedEdges]:
    """Return the edges of two graphs among the nodes that both have, in the truth's order."""
    common = tuple(node for node in truth.nodes if node in found.nodes)
    return _among(found, common), _among(truth, common)


def directed_member(graph: CausalGraph) -> CausalGraph:
    """Return a graph with all directions that a graph which leaves some open stands for.

    It has the same neighbours and the same causes that meet in a common effect, so that it implies
    the same independences as any other such member [1]_. Effects differ between members.

    Raises
    ------
    MetricUndefinedError
        If there is none.

    References
    ----------
    .. [1] Dor, Tarsi, "A simple algorithm to construct a consistent extension of a partially
       oriented graph", 1992.
    """
    edges = _among(graph, graph.nodes)
    beside: dict[str, set[str]] = {node: set() for node in graph.nodes}
    for a, b in map(tuple, edges.skeleton):
        beside[a].add(b)
        beside[b].add(a)
    arrows, left = set(edges.directed), list(graph.nodes)
    while left:
        sink = next((node for node in left if _can_be_last(node, left, edges, beside)), None)
        if sink is None:
            told = "; ".join(sorted(" — ".join(sorted(pair)) for pair in edges.undirected))
            raise MetricUndefinedError(
                f"no directions of {told} leave the graph without a cycle, and without causes that "
                "meet in an effect where it has none that do"
            )
        arrows |= {(other, sink) for other in left if frozenset((other, sink)) in edges.undirected}
        left.remove(sink)
    return CausalGraph(graph.nodes, sorted(arrows))


def _can_be_last(
    node: str, left: Sequence[str], edges: SharedEdges, beside: Mapping[str, Set[str]]
) -> bool:
    """Tell whether all edges among the nodes left can lead into one and make no new collider."""
    near = beside[node] & set(left)
    return not any((node, other) in edges.directed for other in near) and all(
        near - {other} <= beside[other]
        for other in near
        if frozenset((node, other)) in edges.undirected
    )


def index(found: CausalGraph, truth: CausalGraph, *, free: int = 0) -> float:
    """Return GLANCE's correctness index, at most 1.

    ``(free + correct - additional) / (free + true edges)``. A reversed edge is additional, as is a
    pair without direction that is no edge; a true edge without direction counts neither way.

    Parameters
    ----------
    found, truth
        The graphs.
    free
        Edges that come free to every method: those from each concept into the image.

    Raises
    ------
    MetricUndefinedError
        If the truth has no edge.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.3.
    """
    one, true = shared_edges(found, truth)
    return index_of(one.directed, one.undirected, true.directed, free=free)


def index_of(
    directed: Set[tuple[Node, Node]],
    undirected: Set[frozenset[Node]],
    truth: Set[tuple[Node, Node]],
    *,
    free: int = 0,
) -> float:
    """Return the ``index`` of edges as sets of pairs, of names or of numbers."""
    if not free + len(truth):
        raise MetricUndefinedError("the true graph has no edge, so that none can be found")
    neighbours = {frozenset(pair) for pair in truth}
    additional = len(directed - truth) + len(undirected - neighbours)
    return (free + len(directed & truth) - additional) / (free + len(truth))


def shd(found: CausalGraph, truth: CausalGraph) -> int:
    """Return the structural Hamming distance: pairs that differ, a reversed edge counting 1."""
    one, other = shared_edges(found, truth)
    return sum(one.state(pair) != other.state(pair) for pair in one.skeleton | other.skeleton)


def agreement(one: CausalGraph, other: CausalGraph) -> float:
    """Return the share of pairs of shared nodes that both graphs join alike, in [0, 1]."""
    nodes = len(shared_edges(one, other)[0].nodes)
    pairs = nodes * (nodes - 1) // 2
    return 1 - shd(one, other) / pairs if pairs else 1.0


def skeleton_f1(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the F1 of the neighbours, directions aside, in [0, 1].

    Raises
    ------
    MetricUndefinedError
        If neither graph has an edge.
    """
    one, true = (edges.skeleton for edges in shared_edges(found, truth))
    if not one | true:
        raise MetricUndefinedError("neither graph has an edge")
    return 2 * len(one & true) / (len(one) + len(true))


def orientation_accuracy(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the share of right directions, in [0, 1], of those given to true neighbours.

    Raises
    ------
    MetricUndefinedError
        If no true neighbours are given a direction.
    """
    one, true = shared_edges(found, truth)
    met = [arrow for arrow in one.directed if frozenset(arrow) in true.skeleton]
    if not met:
        raise MetricUndefinedError("no true neighbours are given a direction")
    return len(true.directed.intersection(met)) / len(met)


def sid(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the structural intervention distance [1]_, a share of pairs, by ``gadjid``.

    For how many ordered pairs the found graph's parents are no valid adjustment set in the truth.

    Raises
    ------
    MetricUndefinedError
        If a pair has no direction, or fewer than two nodes are shared.

    References
    ----------
    .. [1] Peters, Bühlmann, "Structural intervention distance for evaluating causal graphs",
       Neural Computation 27, 2015.
    """
    import gadjid

    true, one = _matrices(found, truth)
    if (one == _UNDIRECTED).any():
        raise MetricUndefinedError("SID is defined for graphs with all directions")
    return float(gadjid.sid(true, one, edge_direction=_DIRECTION)[0])


def ancestor_aid(found: CausalGraph, truth: CausalGraph) -> float:
    """Return the ancestor adjustment identification distance [1]_, a share of pairs.

    Found graphs with undirected pairs count where they are the pattern of a Markov equivalence
    class (a CPDAG).

    Raises
    ------
    MetricUndefinedError
        If the found graph is neither directed nor such a pattern, or has too many edges to tell.

    References
    ----------
    .. [1] Henckel, Würtzen, Weichwald, "Adjustment identification distance: a gadjid for causal
       structure learning", UAI 2024.
    """
    import gadjid

    true, one = _matrices(found, truth)
    if (one == _UNDIRECTED).any() and not is_cpdag(one):
        raise MetricUndefinedError("ancestor-AID is defined for DAGs and CPDAGs alone")
    return float(gadjid.ancestor_aid(true, one, edge_direction=_DIRECTION)[0])


_DIRECTION = "from row to column"
_UNDIRECTED = 2
_MOST_EDGES = 12


def is_cpdag(matrix: NDArray[np.int8]) -> bool:
    """Tell whether a graph is the pattern of a Markov equivalence class, by trying all members.

    Parameters
    ----------
    matrix
        ``[d, d]``: 1 at (i, j) for i → j, 2 for i — j, in one of the two places.

    Raises
    ------
    MetricUndefinedError
        If it has more than 12 edges.
    """
    edges = [(int(i), int(j)) for i, j in np.argwhere(matrix)]
    if len(edges) > _MOST_EDGES:
        raise MetricUndefinedError(f"a CPDAG is told from other graphs up to {_MOST_EDGES} edges")
    claimed = {(i, j) for i, j in edges if matrix[i, j] != _UNDIRECTED}
    joined = set(map(frozenset, edges))
    members: dict[frozenset[tuple[int, int, int]], list[set[tuple[int, int]]]] = {}
    for turned in range(2 ** len(edges)):
        dag = {(j, i) if turned >> k & 1 else (i, j) for k, (i, j) in enumerate(edges)}
        if _is_acyclic(dag, len(matrix)):
            members.setdefault(_colliders(dag, joined), []).append(dag)
    return any(set.intersection(*every) == claimed for every in members.values())


def _is_acyclic(dag: set[tuple[int, int]], d: int) -> bool:
    rest = set(range(d))
    while rest:
        roots = {node for node in rest if not any(b == node and a in rest for a, b in dag)}
        if not roots:
            return False
        rest -= roots
    return True


def _colliders(
    dag: set[tuple[int, int]], joined: set[frozenset[int]]
) -> frozenset[tuple[int, int, int]]:
    """Return the causes that meet in a common effect without being neighbours."""
    return frozenset(
        (min(a, c), b, max(a, c))
        for (a, b), (c, other) in combinations(sorted(dag), 2)
        if b == other and frozenset((a, c)) not in joined
    )


def random_graph(like: CausalGraph, nodes: Sequence[str], rng: np.random.Generator) -> CausalGraph:
    """Draw a graph over some nodes with as many edges among them as another one has.

    A random order of the nodes and random pairs, the earlier one being the cause; as many pairs
    without direction.
    """
    edges = _among(like, tuple(nodes))
    order = [str(name) for name in rng.permutation(list(nodes))]
    pairs = list(combinations(order, 2))
    chosen = rng.permutation(len(pairs))[: len(edges.directed) + len(edges.undirected)]
    arrows = [pairs[number] for number in chosen]
    opened, directed = arrows[: len(edges.undirected)], arrows[len(edges.undirected) :]
    told = "; ".join(" — ".join(pair) for pair in opened)
    return CausalGraph(nodes, directed, meta={"undirected": told} if told else None)


def _open(edge: Edge) -> bool:
    return edge.extra.get(DIRECTION_TOLD, 1.0) == 0


def _among(graph: CausalGraph, nodes: tuple[str, ...]) -> SharedEdges:
    kept = set(nodes)
    arrows = ((edge.source, edge.target) for edge in graph.edges if not _open(edge))
    return SharedEdges(
        nodes,
        frozenset(arrow for arrow in arrows if kept.issuperset(arrow)),
        frozenset(pair for pair in undirected_pairs(graph) if kept >= pair),
    )


def _matrices(found: CausalGraph, truth: CausalGraph) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return truth and found graph as gadjid has them."""
    edges, true = shared_edges(found, truth)
    if len(edges.nodes) < 2:
        raise MetricUndefinedError("the graphs share fewer than two nodes")
    place = {node: number for number, node in enumerate(edges.nodes)}
    matrices = []
    for one in (true, edges):
        matrix = np.zeros((len(place), len(place)), dtype=np.int8)
        for a, b in one.directed:
            matrix[place[a], place[b]] = 1
        for a, b in map(sorted, one.undirected):
            matrix[place[a], place[b]] = _UNDIRECTED
        matrices.append(matrix)
    return matrices[0], matrices[1]
