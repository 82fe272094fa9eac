"""Tables of the concepts and logits of images, with their causal graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.columns import dependent_columns, informative_rows, require_independent
from causalxai.concept import Concept
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, DataError
from causalxai.explainer import ExplanationInputs
from causalxai.graph import CausalGraph, EdgeKind, Node, NodeKind, edges_in_words
from causalxai.image_data.lazy import Images, batches

LOGIT = "logit"
_OUTCOMES = (NodeKind.CLASS, NodeKind.PREDICTION)


@dataclass(frozen=True, eq=False)
class CausalTable:
    """The graph's concepts and the classifier's logits, image by image.

    Columns are called ``c0``, ``c1``, ... and ``logit``, independently of the concepts' names.

    Parameters
    ----------
    concepts
        The concepts that are in the space and in the graph, in the space's order.
    places
        ``[d]``, the indices of these concepts in the space.
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
    def of(cls, inputs: ExplanationInputs, rows: int) -> CausalTable:
        """Read training images, drawn by the context's generator.

        Parameters
        ----------
        context
            With space and graph.
        rows
            The largest number of images that are read.

        Raises
        ------
        CapabilityError
            If no concept of the space is in the graph, a concept has the same value in every image
            or is a linear function of others, there are too few images, or the graph has undirected
            or bidirected edges between concepts, on which effects depend.
        """
        space, graph, train = inputs.space, inputs.graph, inputs.dataset.train
        if space is None or graph is None:
            raise CapabilityError("a structural model needs a concept space and a graph")
        nodes = {name for name in graph.nodes if graph.node(name).kind not in _OUTCOMES}
        places = tuple(i for i, concept in enumerate(space.concepts) if concept.name in nodes)
        if not places:
            raise CapabilityError(
                f"no concept of the space is in the graph, whose nodes are "
                f"{', '.join(graph.nodes[:5])}"
            )
        concepts = tuple(space.concepts[place] for place in places)
        _require_directions(graph, concepts)
        chosen = torch.randperm(len(train), generator=inputs.rng)[:rows]
        if len(chosen) < 2 * len(places) + 10:
            raise CapabilityError(
                f"{len(chosen)} training images are too few for a model of {len(places)} concepts"
            )
        chosen, values = _read(space, places, train.images, chosen)
        images = train.images[chosen]
        table = cls(
            concepts,
            places,
            graph,
            images,
            values,
            inputs.classifier.logits(images).double().cpu().numpy(),
            inputs.classifier.class_names,
        )
        table._require_variation()
        return table

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts' names."""
        return tuple(concept.name for concept in self.concepts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of their columns."""
        return tuple(f"c{place}" for place in range(len(self.concepts)))

    def dag(self, k: int) -> nx.DiGraph:
        """Return the graph of the columns, with the logit of class ``k`` as an effect.

        Its parents are those of the class's node, or else of the prediction's node; if the
        discovered graph has neither, all concepts are parents. An undirected edge of that node is
        oriented into it, because a logit is never the cause of a concept.
        """
        column = dict(zip(self.names, self.columns, strict=True))
        dag = nx.DiGraph()
        dag.add_nodes_from([*self.columns, LOGIT])
        dag.add_edges_from(
            (column[edge.source], column[edge.target])
            for edge in self.graph.directed_edges
            if edge.source in column and edge.target in column
        )
        outcome = self._outcome(k)
        for name in self.names:
            edge = None if outcome is None else self.graph.between(name, outcome.name)
            if outcome is None or (edge is not None and edge.admits(name, outcome.name)):
                dag.add_edge(column[name], LOGIT)
        return dag

    def _outcome(self, k: int) -> Node | None:
        """Return the node of a class, or else of the prediction."""
        classes = self.graph.of_kind(NodeKind.CLASS)
        own = [node for node in classes if node.title == self.class_names[k]]
        return next(iter((*own, *self.graph.of_kind(NodeKind.PREDICTION))), None)

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
                "a structural model is fitted to concepts that vary between images, and these do "
                f"not: {', '.join(odd[:3])}{more}"
            )
        try:
            require_independent(self.values, self.names)
        except DataError as error:
            raise CapabilityError(f"a structural model is undetermined: {error}") from error
        if np.ptp(self.logits, axis=0).min() == 0:
            raise CapabilityError("a logit is the same for every image, so that nothing affects it")


def _read(
    space: ConceptSpace, places: Sequence[int], images: Images, chosen: Tensor
) -> tuple[Tensor, NDArray[np.float64]]:
    """Return the concepts of chosen images, of which some are exchanged if a concept is rare."""

    def read(some: Tensor) -> NDArray[np.float64]:
        values = space.encode(some).values[:, list(places)].double().cpu().numpy()
        return np.asarray(values, dtype=np.float64)

    values = read(images[chosen])
    if dependent_columns(values) and len(chosen) < len(images):
        every = np.concatenate([read(some) for some in batches(images)])
        chosen = torch.from_numpy(informative_rows(every, chosen.numpy()))
        values = every[chosen.numpy()]
    return chosen, values


def _require_directions(graph: CausalGraph, concepts: Sequence[Concept]) -> None:
    among = graph.among(concept.name for concept in concepts)
    confounded = among.edges_of(EdgeKind.BIDIRECTED)
    if confounded:
        raise CapabilityError(
            f"the graph has unobserved common causes of concepts ({edges_in_words(confounded)}), "
            "which a structural model of observed concepts cannot represent: use a discoverer "
            "that assumes that there are none"
        )
    opened = [edge for edge in among.edges if not edge.directed]
    if opened:
        raise CapabilityError(
            f"the graph has undirected edges ({edges_in_words(opened)}), on whose directions "
            "effects depend: use a discoverer that orients them, or give background knowledge"
        )
