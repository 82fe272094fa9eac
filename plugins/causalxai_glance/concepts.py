"""What the discoverers of GLANCE share: the named concepts and background knowledge about them."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray

from causalxai.capabilities import expect
from causalxai.errors import CapabilityError
from causalxai.graph_discoverer import BackgroundKnowledge, DiscoveryInputs
from causalxai_glance.effects import Concepts
from causalxai_glance.latent_space import LatentSpace


def named_concepts(inputs: DiscoveryInputs, units: int) -> tuple[tuple[str, ...], Concepts]:
    """Return the named concepts of a latent space with an oracle and units of test images.

    Parameters
    ----------
    context
        With a bound oracle.
    units
        The largest number of test images.

    Raises
    ------
    CapabilityError
        If the pipeline has no latent space, or no concept in it has a name.
    """
    space = expect(inputs.need_space(), LatentSpace, "GLANCE's graph discovery")
    oracle = inputs.need_oracle()
    if not space.named_:
        raise CapabilityError("graph discovery needs named concepts, and the data set names none")
    images = inputs.dataset.test.images
    rows = chosen_rows(inputs, units)
    k = len(space.named_)
    concepts = Concepts(oracle, space.encode(images[rows]), k, space.unit_[:k], space.boolean_)
    return space.named_, concepts


def chosen_rows(inputs: DiscoveryInputs, units: int) -> torch.Tensor:
    """Return the rows of the test images that are the units, drawn from ``inputs.rng``."""
    return torch.randperm(len(inputs.dataset.test.images), generator=inputs.rng)[:units]


def constrained(
    edges: Iterable[tuple[int, int]],
    names: tuple[str, ...],
    background: BackgroundKnowledge,
    weights: NDArray[np.float64],
) -> set[tuple[int, int]]:
    """Return the edges with the required ones, without the forbidden ones, and without cycles."""
    required, forbidden = background.among(names)
    graph = nx.DiGraph(sorted(required))
    graph.add_nodes_from(range(len(names)))
    ranked = sorted(set(edges) - required - forbidden, key=lambda edge: -abs(weights[edge]))
    for source, target in ranked:
        if not nx.has_path(graph, target, source):
            graph.add_edge(source, target)
    return set(graph.edges)
