"""The methods that the benchmark of graph discovery compares, and what each can look at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from _random_models import Values
from _scenarios import Drawn
from _scores import Found
from _worlds import TwinView

from causalxai_discovery.boss import discover_boss
from causalxai_discovery.claims import Claims
from causalxai_discovery.direct_lingam import discover_direct_lingam
from causalxai_discovery.ges import discover_ges
from causalxai_discovery.pc import discover_pc
from causalxai_discovery.random_order import discover_random_order
from causalxai_discovery.resit import discover_resit
from causalxai_glance.discoverer import GlanceDiscoverer
from causalxai_glance.edge_evidence import UNDETERMINED, confirmed_edges
from causalxai_glance.effects import edge_weights
from causalxai_glance.paper_discoverer import PaperDiscoverer
from causalxai_glance.perception import Constraints, Directions, Perception, find_edges
from causalxai_glance.scm import (
    MdlScore,
    SearchProblem,
    doubtful_directions,
    find_margins,
    order_search,
)

Method = Callable[[Drawn, np.random.Generator], Found]


def mdl(values: Values, *, links: bool = True, is_even: bool = False) -> Found:
    """Search by description length; ``is_even`` takes it for granted that all noise is even."""
    score = MdlScore(values, links=links)
    problem = SearchProblem(score.d, score, most_nodes=score.most_nodes)
    margins = find_margins(problem)
    edges = frozenset(margins)
    told = frozenset(pair for pair, cost in margins.items() if cost.reversed >= UNDETERMINED)
    doubtful: frozenset[tuple[int, int]] = frozenset()
    if not is_even:
        doubtful = doubtful_directions(problem, score, edges, told, UNDETERMINED)
    return Found(edges, guessed=edges - (told - doubtful))


def mdl_order(values: Values) -> Found:
    """Search the orders of the columns; which directions are certain is not asked."""
    score = MdlScore(values)
    return Found(order_search(SearchProblem(score.d, score)))


def perceived(drawn: Drawn, rng: np.random.Generator) -> Found:
    """Do as the discoverer does: what the control joins can't be told."""
    perception = drawn.beyond
    assert isinstance(perception, Perception)
    known = Constraints().without(find_edges(perception.control(), rng=rng))
    held = Directions(perception, rng=rng, constraints=known)
    edges = held.edges()
    return Found(edges, guessed=edges - held.oriented(edges))


def glance(drawn: Drawn, _: np.random.Generator) -> Found:
    twin = drawn.beyond
    assert isinstance(twin, TwinView)
    held = mdl(drawn.values) if twin.given is None else Found(twin.given, guessed=frozenset())
    weights = edge_weights(twin.effects)
    either_way = np.maximum(np.abs(weights), np.abs(weights.T))
    threshold = GlanceDiscoverer.Config().threshold
    edges = confirmed_edges(held.directed, either_way, twin.unfaithful, threshold)
    return Found(edges, guessed=edges & (held.guessed or frozenset()))


def glance_paper(drawn: Drawn, _: np.random.Generator) -> Found:
    assert isinstance(drawn.beyond, TwinView)
    return Found(PaperDiscoverer().edges(drawn.beyond.trials))


def claimed(claims: Claims) -> Found:
    return Found(claims.directed, claims.undirected)


METHODS: dict[str, Method] = {
    "ges": lambda drawn, _: claimed(discover_ges(drawn.values)),
    "boss": lambda drawn, rng: claimed(discover_boss(drawn.values, rng)),
    "pc": lambda drawn, _: claimed(discover_pc(drawn.values)),
    "direct-lingam": lambda drawn, _: claimed(discover_direct_lingam(drawn.values)),
    "resit": lambda drawn, rng: claimed(discover_resit(drawn.values, rng)),
    "random-order": lambda drawn, rng: claimed(discover_random_order(drawn.values, rng)),
    "mdl": lambda drawn, _: mdl(drawn.values, links=False),
    "mdl-links": lambda drawn, _: mdl(drawn.values),
    "mdl-order": lambda drawn, _: mdl_order(drawn.values),
    "mdl-even-noise": lambda drawn, _: mdl(drawn.values, is_even=True),
    "perceived": perceived,
    "glance-paper": glance_paper,
    "glance": glance,
}
ON_VALUES = tuple(name for name in METHODS if name not in ("perceived", "glance-paper", "glance"))

ABLE = {
    "labels": ON_VALUES,
    "perceived": (*ON_VALUES, "perceived"),
    "oracle": ("glance-paper", "glance"),
}
"""Which methods can look at what."""
