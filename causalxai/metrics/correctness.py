"""Correctness of the discovered graph, for data sets whose true graph is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
import torch
from pydantic import Field

from causalxai.capabilities import Capability
from causalxai.columns import informative_rows
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph
from causalxai.intervals import Bounds
from causalxai.metric import Estimate, MetricResult, MetricUndefinedError, RunMetric, ScoringInputs
from causalxai.metrics import graph_scores
from causalxai.metrics.resampling import null_range
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_RANDOM_GRAPHS = 200
_ENOUGH = 40


class Correctness(RunMetric):
    """GLANCE's correctness index, over graphs that are discovered in subsets of the data.

    The index is ``(correct - additional) / true edges`` for the concepts that both the true and
    the discovered graph have. A reversed edge is additional, and so is a bidirected edge in place
    of a directed one; a true edge whose direction is left open counts 0. P subsets are drawn with
    replacement, and the graph is discovered Q times in each; a subset without any image of a rare
    attribute gets one. With 40 or more subsets, the interval contains 95 % of their scores (a
    bootstrap interval). With fewer it is the Monte-Carlo error of their mean: it narrows with more
    subsets, not with more data, and ``reason`` says so. The concept space is not trained again, so
    agreement between subsets describes the discoverer alone. ``chance`` is the score of random
    graphs with as many edges over the same nodes.

    Parts: ``this graph``, the index of the graph that the report shows; ``with the image``, the
    index as the paper's tables have it, in which the edges from each concept into the image come
    free; ``consistency`` and ``stability``, the share of pairs of concepts that are joined in the
    same way by two graphs of the same subset, and of different subsets; ``SHD`` (pairs that
    differ; a reversal counts 1), ``skeleton F1``, ``orientation accuracy``, and ``SID`` and
    ``ancestor-AID``, which are shares of ordered pairs; lower is better. A part that is not
    defined for one of the graphs is left out, and ``reason`` says why.
    """

    name = "correctness"
    higher_is_better = True
    value_range = (None, 1.0)
    reference = "GLANCE (arXiv 2207.01917), section 3.3; SID and ancestor-AID by gadjid"
    requires = frozenset({Capability.GRAPH})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        subsets
            The number of subsets of the data (P).
        repeats
            The number of discoveries in each subset (Q).
        """

        subsets: int = Field(default=5, ge=1)
        repeats: int = Field(default=2, ge=1)

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        truth, graph = inputs.dataset.graph, inputs.need_graph()
        if truth is None:
            raise MetricUndefinedError("the true graph of this data set is not known")
        _require_known(graph, truth)
        found = _Rediscovered(self._discover_again(inputs), truth)
        rng = numpy_generator(inputs.rng)
        parts = {"this graph": Estimate(graph_scores.index(graph, truth))}
        parts |= found.agreements(rng)
        undefined = []
        for name, (score, bounds) in _BESIDE.items():
            try:
                parts[name] = found.mean(score, rng, bounds)
            except MetricUndefinedError as reason:
                undefined.append(f"left out: {name}: {reason}")
        return MetricResult(
            self.name,
            estimate=found.mean(graph_scores.index, rng, _INDEX),
            chance=found.chance(rng),
            parts=parts,
            reason="; ".join([*found.remarks(), *undefined]),
        )

    def _discover_again(self, inputs: ScoringInputs) -> list[list[CausalGraph]]:
        """Return the graphs of each subset."""
        discoverer, rng = inputs.discoverer, inputs.rng
        if discoverer is None:
            raise CapabilityError(
                "correctness runs the graph discoverer again, but this run has none"
            )
        by_subset = []
        with inputs.progress.task(self.name, self.config.subsets * self.config.repeats) as advance:
            for _ in range(self.config.subsets):
                subset = replace(inputs, dataset=_drawn(inputs.dataset, rng), graph=None)
                graphs = []
                for _ in range(self.config.repeats):
                    seed = int(torch.randint(2**62, (1,), generator=rng))
                    own = replace(subset, rng=torch.Generator().manual_seed(seed))
                    graphs.append(discoverer.discover(own))
                    advance(1)
                by_subset.append(graphs)
        return by_subset


def _with_the_image(found: CausalGraph, truth: CausalGraph) -> float:
    nodes = len(graph_scores.common_part(found, truth)[0].nodes)
    return graph_scores.index(found, truth, free=nodes)


_Score = Callable[[CausalGraph, CausalGraph], float]

_INDEX: Bounds = (None, 1.0)
_SHARE: Bounds = (0.0, 1.0)

_BESIDE: dict[str, tuple[_Score, Bounds]] = {
    "with the image": (_with_the_image, _INDEX),
    "SHD": (graph_scores.shd, (0.0, None)),
    "skeleton F1": (graph_scores.skeleton_f1, _SHARE),
    "orientation accuracy": (graph_scores.orientation_accuracy, _SHARE),
    "SID": (graph_scores.sid, _SHARE),
    "ancestor-AID": (graph_scores.ancestor_aid, _SHARE),
}


@dataclass(frozen=True)
class _Rediscovered:
    """The graphs of each subset, and the truth."""

    graphs: Sequence[Sequence[CausalGraph]]
    truth: CausalGraph

    def mean(self, score: _Score, rng: np.random.Generator, bounds: Bounds) -> Estimate:
        """Return a score's mean over subsets, with its interval."""
        every = [np.mean([score(graph, self.truth) for graph in graphs]) for graphs in self.graphs]
        return self._mean(every, rng, bounds)

    def remarks(self) -> list[str]:
        """Return a remark on the intervals if they do not describe the data."""
        count = len(self.graphs)
        if not 1 < count < _ENOUGH:
            return []
        return [f"intervals: Monte-Carlo error of {count} subsets; {_ENOUGH} give that of the data"]

    def _mean(
        self, every: Sequence[np.floating], rng: np.random.Generator, bounds: Bounds
    ) -> Estimate:
        if len(every) < _ENOUGH:
            return Estimate.mean(every, rng, bounds=bounds)
        mean, (low, high) = float(np.mean(every)), np.percentile(every, (2.5, 97.5))
        return Estimate(mean, min(float(low), mean), max(float(high), mean), len(every))

    def agreements(self, rng: np.random.Generator) -> dict[str, Estimate]:
        """Return the agreement of graphs within a subset and between subsets."""
        within = [
            np.mean([graph_scores.agreement(a, b) for a, b in combinations(graphs, 2)])
            for graphs in self.graphs
            if len(graphs) > 1
        ]
        between = [
            np.mean([graph_scores.agreement(a, b) for a, b in product(one, other)])
            for one, other in combinations(self.graphs, 2)
        ]
        known = {}
        if within:
            known["consistency"] = self._mean(within, rng, _SHARE)
        if between:
            # Pairs of subsets are not independent of one another, so that there is no interval.
            known["stability"] = Estimate(float(np.mean(between)), n=len(self.graphs))
        return known

    def chance(self, rng: np.random.Generator) -> Estimate:
        """Return the index of random graphs with as many edges, over the known nodes."""
        every = [graph for graphs in self.graphs for graph in graphs]
        drawn = []
        for number in range(_RANDOM_GRAPHS):
            like = every[number % len(every)]
            nodes = graph_scores.common_part(like, self.truth)[0].nodes
            guess = graph_scores.random_graph(like, nodes, rng)
            drawn.append(graph_scores.index(guess, self.truth))
        return null_range(drawn)


def _require_known(graph: CausalGraph, truth: CausalGraph) -> None:
    _, true = graph_scores.common_part(graph, truth)
    if len(true.nodes) < 2:
        raise MetricUndefinedError(
            f"the discovered graph has {len(true.nodes)} of the true graph's nodes "
            f"({', '.join(truth.nodes)}); it takes two or more"
        )
    if not true.edges:
        raise MetricUndefinedError("the true graph has no edges to be found")


def _drawn(dataset: Dataset, rng: torch.Generator) -> Dataset:
    """Draw both splits' images with replacement.

    Concepts that vary in a split, and do not follow from one another, do so in the drawn images,
    too. Otherwise a discoverer would refuse a subset without the one or two images that have a rare
    attribute.
    """

    def rows(split: Split) -> Split:
        drawn = torch.randint(len(split), (len(split),), generator=rng)
        if split.concepts is not None:
            values = split.concepts.detach().cpu().double().numpy()
            drawn = torch.from_numpy(informative_rows(values, drawn.numpy()))
        return split[drawn]

    return replace(dataset, train=rows(dataset.train), test=rows(dataset.test))
