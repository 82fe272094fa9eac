"""A graph discoverer: which concepts vary together in the training images."""

from __future__ import annotations

from itertools import combinations

import torch
from pydantic import Field

from causalxai import Capability, CausalGraph, DiscoveryInputs, Edge, EdgeKind, GraphDiscoverer
from causalxai.graph_discoverer import DiscovererConfig


class VaryTogether(GraphDiscoverer):
    """Joins concepts whose correlation is strong; what causes what is left open."""

    requires = frozenset({Capability.CONCEPTS})

    class Config(DiscovererConfig):
        """What a spec may write below ``graph``."""

        threshold: float = Field(default=0.3, ge=0, le=1, description="the least correlation")

    config: Config

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        space = inputs.need_space()
        names, values = space.names(), space.encode(inputs.dataset.train.images).values
        # A concept that never varies has no correlation: it is joined to nothing.
        strength = torch.corrcoef(values.T).nan_to_num().abs().tolist()
        edges = [
            Edge(names[a], names[b], kind=EdgeKind.UNDIRECTED, weight=strength[a][b])
            for a, b in combinations(range(len(names)), 2)
            if strength[a][b] >= self.config.threshold
        ]
        return CausalGraph(names, edges)
