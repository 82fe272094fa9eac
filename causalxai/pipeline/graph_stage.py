"""The stage in which a run finds its causal graph, and the part of it that needs no concepts."""

from __future__ import annotations

import torch

from causalxai.classifier import Classifier
from causalxai.config import ResolvedPlugin, Stage
from causalxai.dataset import Dataset
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.pipeline.watch import Watch
from causalxai.progress import Progress
from causalxai.storage.record import Record


class GraphStage:
    """A run's discoverer, whose preparation and whose graph are stored apart.

    Parameters
    ----------
    part
        The discoverer, as the spec names it.
    watch
        Guards the calls into it.
    """

    def __init__(self, part: ResolvedPlugin[GraphDiscoverer], watch: Watch) -> None:
        self.discoverer = part.build()
        self._origin = part.provenance
        self._watch = watch

    def prepare(
        self, classifier: Classifier, dataset: Dataset, rng: torch.Generator, progress: Progress
    ) -> Record:
        """Return what the discoverer finds without concepts."""
        inputs = DiscoveryInputs(classifier=classifier, dataset=dataset, rng=rng, progress=progress)
        # Global generators start as they do where the discoverer finds all at once.
        return self._watch.call(
            self._origin, Stage.GRAPH, Record, lambda: self.discoverer.prepare(inputs)
        )

    def discover(self, inputs: DiscoveryInputs, prepared: Record | None) -> CausalGraph:
        """Return the graph."""
        return self._watch.call(
            self._origin,
            Stage.GRAPH,
            CausalGraph,
            lambda: self.discoverer.discover(inputs, prepared),
        )
