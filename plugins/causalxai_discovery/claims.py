"""What a method claims of the edges, and how claims become a graph without cycles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx

from causalxai.graph import EdgeKind
from causalxai_discovery.constraints import Constraints, Pair


class Claims(NamedTuple):
    """Edges over columns.

    Parameters
    ----------
    directed
        Pairs (i, j): i → j.
    undirected
        Pairs of neighbours whose direction the method leaves open, as observations alone do in a
        Markov equivalence class.
    bidirected
        Pairs that are no cause of one another, and seem to share one that nobody observed.
    """

    directed: frozenset[Pair]
    undirected: frozenset[frozenset[int]] = frozenset()
    bidirected: frozenset[frozenset[int]] = frozenset()

    def edges(self) -> Iterator[tuple[int, int, EdgeKind]]:
        """Yield all edges, in order; of pairs the smaller number first."""
        yield from ((i, j, EdgeKind.DIRECTED) for i, j in sorted(self.directed))
        for pairs, kind in (
            (self.undirected, EdgeKind.UNDIRECTED),
            (self.bidirected, EdgeKind.BIDIRECTED),
        ):
            yield from ((i, j, kind) for i, j in sorted(map(sorted, pairs)))

    def placed(self, columns: Sequence[int]) -> Claims:
        """Return the same claims of other columns: ``columns[i]`` in place of ``i``."""

        def moved(pairs: frozenset[frozenset[int]]) -> frozenset[frozenset[int]]:
            return frozenset(frozenset(columns[i] for i in pair) for pair in pairs)

        directed = frozenset((columns[i], columns[j]) for i, j in self.directed)
        return Claims(directed, moved(self.undirected), moved(self.bidirected))


@dataclass(frozen=True)
class Settled:
    """Claims that make a graph without cycles and keep to the constraints.

    Parameters
    ----------
    claims
        The directed ones have no cycle.
    added, turned, dropped, loosened
        What had to be done to the method's own claims: edges put in because they are required;
        turned (as they are now) because only the other direction is allowed; dropped because
        neither is, or because the only one that is makes a cycle; made undirected because they
        stood in a cycle.
    """

    claims: Claims
    added: frozenset[Pair] = frozenset()
    turned: frozenset[Pair] = frozenset()
    dropped: frozenset[Pair] = frozenset()
    loosened: frozenset[Pair] = frozenset()


def settle(claims: Claims, constraints: Constraints) -> Settled:
    """Bring claims under the constraints, and take the direction from edges in a cycle.

    Undirected pairs of which one direction only is allowed become directed. Edges of which only
    one is allowed have no other to be open to: where a cycle consists of nothing else, those that
    are not required are dropped. Bidirected pairs are claims of a common cause, which constraints
    do not speak of; they give way to other edges of the same pair.
    """
    allowed = constraints.allowed
    kept = frozenset((i, j) for i, j in claims.directed if allowed[i, j])
    turned = frozenset((j, i) for i, j in claims.directed - kept if allowed[j, i])
    closed = {frozenset(pair) for pair in claims.directed}
    open_pairs = {(min(pair), max(pair)) for pair in claims.undirected - closed}
    both = {(i, j) for i, j in open_pairs if allowed[i, j] and allowed[j, i]}
    oriented = {(a, b) for i, j in open_pairs - both for a, b in ((i, j), (j, i)) if allowed[a, b]}
    candidates = claims.directed | open_pairs
    banned = frozenset((i, j) for i, j in candidates if not (allowed[i, j] or allowed[j, i]))

    directed = kept | turned | oriented | constraints.required
    free = frozenset((i, j) for i, j in directed if allowed[j, i])
    loosened = _in_cycles(directed) & free
    bound = _in_cycles(directed - loosened) - constraints.required
    undirected = {frozenset(pair) for pair in both | loosened}
    return Settled(
        Claims(
            directed - loosened - bound,
            frozenset(undirected),
            claims.bidirected - {frozenset(pair) for pair in directed} - undirected,
        ),
        added=constraints.required - kept - turned - oriented,
        turned=turned - bound,
        dropped=banned | bound,
        loosened=loosened,
    )


def _in_cycles(directed: frozenset[Pair] | set[Pair]) -> frozenset[Pair]:
    parts = nx.strongly_connected_components(nx.DiGraph(directed))
    part_of = {node: index for index, part in enumerate(parts) for node in part}
    return frozenset((i, j) for i, j in directed if part_of[i] == part_of[j])
