"""Orientation of an equivalence class by background knowledge."""

from __future__ import annotations

from typing import Any

from causalxai_discovery.causal_learn import background_of, causal_learn, claims_of
from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints


def oriented(found: Any, constraints: Constraints | None) -> Claims:
    """Orient undirected edges by background knowledge and Meek's rules [1]_.

    Parameters
    ----------
    found
        causal-learn's ``GeneralGraph`` of an equivalence class.
    constraints
        The constraints; violations are left to ``settle``.

    References
    ----------
    .. [1] Meek, "Causal inference and causal explanation with background knowledge", UAI 1995.
    """
    background = None if constraints is None else background_of(constraints)
    if background is None:
        return claims_of(found.graph)
    graph = causal_learn("graph.GraphClass").CausalGraph(len(found.graph))
    graph.G = found
    orient = causal_learn("utils.PCUtils.BackgroundKnowledgeOrientUtils")
    orient.orient_by_background_knowledge(graph, background)
    meek = causal_learn("utils.PCUtils.Meek").meek
    return claims_of(meek(graph, background_knowledge=background).G.graph)
