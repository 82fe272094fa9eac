"""Conversion of causal-learn's inputs and outputs to this project's types."""

from __future__ import annotations

from importlib import import_module
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalxai_discovery.claims import Claims
from causalxai_discovery.constraints import Constraints


def causal_learn(module: str) -> Any:
    """Import a module of causal-learn [1]_, such as ``search.ScoreBased.GES``.

    References
    ----------
    .. [1] Zheng et al., "Causal-learn: causal discovery in Python", JMLR 25, 2024.
    """
    return import_module(f"causallearn.{module}")


def claims_of(matrix: NDArray[np.integer[Any]]) -> Claims:
    """Convert causal-learn's matrix of end points.

    Parameters
    ----------
    matrix
        ``[d, d]``. i → j is written ``matrix[j, i] = 1, matrix[i, j] = -1``; i — j is -1 twice. i ↔
        j is 1 twice; PC uses it for colliders that contradict each other, which have no direction.
    """
    directed, undirected = set(), set()
    for i, j in combinations(range(len(matrix)), 2):
        match int(matrix[i, j]), int(matrix[j, i]):
            case -1, 1:
                directed.add((i, j))
            case 1, -1:
                directed.add((j, i))
            case 0, 0:
                pass
            case _:
                undirected.add(frozenset((i, j)))
    return Claims(frozenset(directed), frozenset(undirected))


def background_of(constraints: Constraints) -> Any:
    """Return causal-learn's ``BackgroundKnowledge``, or ``None`` if there are no constraints."""
    if constraints.empty:
        return None
    known = causal_learn("utils.PCUtils.BackgroundKnowledge").BackgroundKnowledge()
    node = causal_learn("graph.GraphNode").GraphNode
    # The names that causal-learn gives to columns; it identifies nodes by name.
    nodes = [node(f"X{i + 1}") for i in range(len(constraints.allowed))]
    for i, j in zip(*np.nonzero(~constraints.allowed), strict=True):
        if i != j:
            known.add_forbidden_by_node(nodes[i], nodes[j])
    for i, j in sorted(constraints.required):
        known.add_required_by_node(nodes[i], nodes[j])
    return known
