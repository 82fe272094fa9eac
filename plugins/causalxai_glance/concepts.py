"""What the discoverers of GLANCE share: the named concepts, and what the user knows of them."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray

from causalxai.context import Context
from causalxai.errors import CapabilityError
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai_glance.effects import Concepts
from causalxai_glance.latent_space import LatentSpace


def named_concepts(context: Context, units: int) -> tuple[tuple[str, ...], Concepts]:
    """Return the named concepts of a latent space, ready to be asked about.

    Parameters
    ----------
    context
        With a bound oracle.
    units
        The most held-out images to ask about.

    Raises
    ------
    CapabilityError
        If the pipeline has no latent space, or no concept in it has a name.
    """
    space = context.expect(LatentSpace, "GLANCE's graph discovery")
    assert context.oracle is not None
    if not space.named_:
        raise CapabilityError("graph discovery needs named concepts: the data set names none")
    images = context.dataset.test.images
    rows = torch.randperm(len(images), generator=context.rng)[:units]
    k = len(space.named_)
    concepts = Concepts(context.oracle, space.encode(images[rows]), k, space.sd_[:k])
    return space.named_, concepts


def bounds(
    background: BackgroundKnowledge, names: tuple[str, ...]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Return the edges that must be and those that can't be, as indices.

    Raises
    ------
    CapabilityError
        If the user's knowledge names an unknown concept, or contradicts itself.
    """
    index = {name: place for place, name in enumerate(names)}
    spoken = {*sum((*background.required, *background.forbidden, *background.tiers), ())}
    for name in sorted(spoken - set(names)):
        raise CapabilityError(
            f"graph.background: there is no concept {name!r} (known: {', '.join(names)})"
        )
    tier = {index[name]: place for place, group in enumerate(background.tiers) for name in group}
    backward = {(a, b) for a in tier for b in tier if tier[a] > tier[b]}
    required = {(index[a], index[b]) for a, b in background.required}
    forbidden = {(index[a], index[b]) for a, b in background.forbidden} | backward
    for a, b in sorted(required & forbidden):
        raise CapabilityError(
            f"graph.background: {names[a]} → {names[b]} is required and forbidden"
        )
    if not nx.is_directed_acyclic_graph(nx.DiGraph(sorted(required))):
        raise CapabilityError("graph.background: the required edges form a loop")
    return required, forbidden


def constrained(
    edges: Iterable[tuple[int, int]],
    names: tuple[str, ...],
    background: BackgroundKnowledge,
    weights: NDArray[np.float64],
) -> set[tuple[int, int]]:
    """Return edges with what is required, without what is forbidden, and without loops."""
    required, forbidden = bounds(background, names)
    graph = nx.DiGraph(sorted(required))
    graph.add_nodes_from(range(len(names)))
    ranked = sorted(set(edges) - required - forbidden, key=lambda edge: -abs(weights[edge]))
    for source, target in ranked:
        if not nx.has_path(graph, target, source):
            graph.add_edge(source, target)
    return set(graph.edges)
