"""The edges that a method claims, and their conversion into an acyclic graph."""

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
        Adjacent pairs whose direction the method leaves undetermined, as in a Markov equivalence
        class.
    bidirected
        Pairs of which neither causes the other, and which seem to have an unobserved common cause.
    """

    directed: frozenset[Pair]
    undirected: frozenset[frozenset[int]] = frozenset()
    bidirected: frozenset[frozenset[int]] = frozenset()

    def edges(self) -> Iterator[tuple[int, int, EdgeKind]]:
        """Yield all edges in order; of undirected pairs, the smaller number is first."""
        yield from ((i, j, EdgeKind.DIRECTED) for i, j in sorted(self.directed))
        for pairs, kind in (
            (self.undirected, EdgeKind.UNDIRECTED),
            (self.bidirected, EdgeKind.BIDIRECTED),
        ):
            yield from ((i, j, kind) for i, j in sorted(map(sorted, pairs)))

    def placed(self, columns: Sequence[int]) -> Claims:
        """Return the same claims with ``columns[i]`` in place of ``i``."""

        def moved(pairs: frozenset[frozenset[int]]) -> frozenset[frozenset[int]]:
            return frozenset(frozenset(columns[i] for i in pair) for pair in pairs)

        directed = frozenset((columns[i], columns[j]) for i, j in self.directed)
        return Claims(directed, moved(self.undirected), moved(self.bidirected))


@dataclass(frozen=True)
class Settled:
    """Claims that form an acyclic graph and satisfy the constraints.

    Parameters
    ----------
    claims
        The directed ones have no cycle.
    added, turned, dropped, loosened
        The changes of the method's own claims: edges that were added because they are required;
        turned (in their new direction) because only the other direction is allowed; dropped because
        no direction is allowed, or the only allowed one makes a cycle; and loosened, that is, made
        undirected, because they were in a cycle.
    """

    claims: Claims
    added: frozenset[Pair] = frozenset()
    turned: frozenset[Pair] = frozenset()
    dropped: frozenset[Pair] = frozenset()
    loosened: frozenset[Pair] = frozenset()


def settle(claims: Claims, constraints: Constraints) -> Settled:
    """Make claims satisfy the constraints, and make edges in a cycle undirected.

    Undirected pairs with only one allowed direction become directed. Directed edges with only one
    allowed direction cannot be made undirected: where a cycle consists of such edges only, those
    that are not required are dropped. Bidirected pairs are claims of a common cause, to which
    constraints do not apply; other edges of the same pair take precedence.
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
