"""What concepts and logits are in some images, under a causal graph of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.concept_space import Concept
from causalxai.context import Context
from causalxai.errors import CapabilityError
from causalxai.graph import CausalGraph
from causalxai.metrics.graph_scores import undirected_pairs

LOGIT = "logit"
_PREDICTION = "prediction"


@dataclass(frozen=True, eq=False)
class CausalTable:
    """The graph's concepts and the classifier's logits, image by image.

    Columns are called ``c0``, ``c1``, ... and ``logit``, whatever the concepts are called.

    Parameters
    ----------
    concepts
        Those that are both in the space and in the graph, in the space's order.
    places
        ``[d]``, the places of these concepts in the space.
    graph
        The discovered graph.
    images
        ``[n, c, h, w]``, training images.
    values, logits
        ``[n, d]`` and ``[n, K]``.
    class_names
        ``K`` names.
    """

    concepts: tuple[Concept, ...]
    places: tuple[int, ...]
    graph: CausalGraph
    images: Tensor
    values: NDArray[np.float64]
    logits: NDArray[np.float64]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, context: Context, rows: int) -> CausalTable:
        """Read training images, drawn by the context's generator.

        Parameters
        ----------
        context
            With space and graph.
        rows
            How many images are read, at most.

        Raises
        ------
        CapabilityError
            If no concept of the space is in the graph, one is the same in every image, there are
            too few images, or the graph leaves a direction between concepts open, on which their
            effects depend.
        """
        space, graph, train = context.space, context.graph, context.dataset.train
        if space is None or graph is None:
            raise CapabilityError("a structural model needs a concept space and a graph")
        nodes = set(graph.nodes)
        places = tuple(i for i, concept in enumerate(space.concepts) if concept.name in nodes)
        if not places:
            raise CapabilityError(
                f"no concept of the space is in the graph, whose nodes are "
                f"{', '.join(graph.nodes[:5])}"
            )
        concepts = tuple(space.concepts[place] for place in places)
        _require_directions(graph, concepts)
        chosen = torch.randperm(len(train), generator=context.rng)[:rows]
        if len(chosen) < 2 * len(places) + 10:
            raise CapabilityError(
                f"{len(chosen)} training images are too few for a model of {len(places)} concepts"
            )
        images = train.images[chosen]
        table = cls(
            concepts,
            places,
            graph,
            images,
            space.encode(images).values[:, list(places)].double().cpu().numpy(),
            context.classifier.logits(images).double().cpu().numpy(),
            context.classifier.class_names,
        )
        table._require_variation()
        return table

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts' names."""
        return tuple(concept.name for concept in self.concepts)

    @property
    def columns(self) -> tuple[str, ...]:
        """What their columns are called."""
        return tuple(f"c{place}" for place in range(len(self.concepts)))

    def dag(self, k: int) -> nx.DiGraph:
        """Return the graph of the columns, with the logit of class ``k`` as an effect.

        Its parents are those of the node ``class <name>``, or else of ``prediction``, where the
        discovered graph has one, if they are none; all concepts where it has neither. An edge of
        that node whose direction is open leads into it: no logit causes a concept.
        """
        column = dict(zip(self.names, self.columns, strict=True))
        dag = nx.DiGraph()
        dag.add_nodes_from([*self.columns, LOGIT])
        dag.add_edges_from(
            (column[edge.source], column[edge.target])
            for edge in self.graph.edges
            if edge.source in column and edge.target in column
        )
        outcomes = (f"class {self.class_names[k]}", _PREDICTION)
        unmeasured = [node for node in outcomes if node in self.graph.nodes and node not in column]
        parents = _causes_of_outcome(self.graph, unmeasured[0]) if unmeasured else set(self.names)
        dag.add_edges_from((column[name], LOGIT) for name in self.names if name in parents)
        return dag

    def frame(self, k: int) -> pd.DataFrame:
        """Return the columns, with the logit of class ``k``."""
        return self.framed(self.values, self.logits[:, k])

    def framed(self, values: NDArray[np.float64], logit: NDArray[np.float64]) -> pd.DataFrame:
        """Return other images' concepts ``[m, d]`` and logit ``[m]`` as the same columns."""
        return pd.DataFrame(values, columns=list(self.columns)).assign(**{LOGIT: logit})

    def _require_variation(self) -> None:
        odd = [
            name
            for name, column in zip(self.names, self.values.T, strict=True)
            if not (np.isfinite(column).all() and np.ptp(column) > 0)
        ]
        if odd:
            more = f", and {len(odd) - 3} more" if len(odd) > 3 else ""
            raise CapabilityError(
                "a structural model is fitted to concepts that vary between images; these don't: "
                f"{', '.join(odd[:3])}{more}"
            )
        if np.ptp(self.logits, axis=0).min() == 0:
            raise CapabilityError("a logit is the same for every image: nothing explains it")


def _require_directions(graph: CausalGraph, concepts: Sequence[Concept]) -> None:
    names = {concept.name for concept in concepts}
    pairs = [pair for pair in undirected_pairs(graph) if pair <= names]
    if pairs:
        listed = "; ".join(sorted(" — ".join(sorted(pair)) for pair in pairs))
        raise CapabilityError(
            f"the graph leaves directions open ({listed}), and effects depend on them: take a "
            "discoverer that tells them, or give background knowledge"
        )


def _causes_of_outcome(graph: CausalGraph, outcome: str) -> set[str]:
    """Return an outcome's parents, and its neighbours, who can't be its effects."""
    open_pairs = {pair for pair in undirected_pairs(graph) if outcome in pair}
    return set(graph.parents(outcome)).union(*open_pairs) - {outcome}
