"""Explainers: from a graph and an oracle to why these images got these predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Self, cast, final

import torch
from torch import Tensor

from causalxai.capabilities import Capability, needed
from causalxai.errors import ContractError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.plugin import Plugin
from causalxai.storage.record import Json, Record


@dataclass(frozen=True, kw_only=True)
class ExplanationInputs(DiscoveryInputs):
    """What an explainer may look at: what a discoverer may, and what was discovered.

    Parameters
    ----------
    graph
        The causal graph, where the run has one.
    discoverer
        What discovered it, for explainers that follow its settings.
    """

    graph: CausalGraph | None = None
    discoverer: GraphDiscoverer | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the run offers up to this stage."""
        graph = frozenset() if self.graph is None else frozenset({Capability.GRAPH})
        return super().capabilities | graph

    def need_graph(self) -> CausalGraph:
        """Return the graph; CapabilityError if the run has none."""
        return needed(self.graph, Capability.GRAPH)


@dataclass(frozen=True)
class Explanation:
    """Why ``n`` images got their logits for ``n`` classes.

    Parameters
    ----------
    images
        ``[n, c, h, w]``.
    target
        ``[n]``, the class that is explained for each image.
    concepts
        Names of the ``d`` concepts that the explanation speaks of.
    importance
        ``[n, d]``, how much each concept supports the target class, on the logit; negative
        where it opposes it. ``None`` for explanations that speak of pixels alone.
    maps
        Attribution maps by name, each ``[n, h, w]``; the first one is the method's own claim.
    details
        Further tensors of the method, by name; those below are shown in comparisons.
    meta
        Further plain values of the method.

    Notes
    -----
    A comparison's page shows an explanation by its pictures instead of its first map, if these
    details are there, for m of the n images, k concepts and K classes:

    ``pictured``
        ``[m]``, which images have pictures.
    ``perceived picture``
        ``[m, c, h, w]`` in [0, 1], these images as the method paints them.
    ``NAME picture``
        One what-if of each, of the same shape; or ``[m, k, 2, c, h, w]``, with each of the concepts
        ``meta["contrasted"]`` raised and lowered by ``meta["step"]`` sds, or, if it is one of
        ``meta["boolean"]``, set to 1 and to 0.
    ``perceived``, ``NAME``
        The probabilities ``[n, K]`` of the same pictures, ``[n, k, 2, K]`` of contrasts; without
        them the what-if that moves most pixels is shown, else the one that moves the confidence
        in the class most.

    Pictures of other shapes are left out, and the page says why.
    """

    images: Tensor
    target: Tensor
    concepts: tuple[str, ...] = ()
    importance: Tensor | None = None
    maps: Mapping[str, Tensor] = field(default_factory=dict)
    details: Mapping[str, Tensor] = field(default_factory=dict)
    meta: Mapping[str, Json] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.images.shape[0]

    def to_record(self) -> Record:
        """Return the explanation as it is stored."""
        tensors = {"images": self.images, "target": self.target}
        if self.importance is not None:
            tensors["importance"] = self.importance
        tensors |= {f"map/{name}": tensor for name, tensor in self.maps.items()}
        tensors |= {f"detail/{name}": tensor for name, tensor in self.details.items()}
        meta: dict[str, Json] = {
            "concepts": list(self.concepts),
            "maps": list(self.maps),
            "details": list(self.details),
            "meta": dict(self.meta),
        }
        return Record(tensors={name: t.cpu() for name, t in tensors.items()}, meta=meta)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Undo ``to_record``."""
        tensors = record.tensors
        names = {
            key: cast("list[str]", record.meta[key]) for key in ("concepts", "maps", "details")
        }
        return cls(
            images=tensors["images"],
            target=tensors["target"],
            concepts=tuple(names["concepts"]),
            importance=tensors.get("importance"),
            maps={name: tensors[f"map/{name}"] for name in names["maps"]},
            details={name: tensors[f"detail/{name}"] for name in names["details"]},
            meta=cast("dict[str, Json]", record.meta["meta"]),
        )


class ControlKind(StrEnum):
    """What an explainer that knows nothing of the classifier says instead."""

    RANDOM = "random"
    """Noise."""
    CONSTANT = "constant"
    """The same for every image, class and classifier."""


class Explainer(Plugin, ABC):
    """Explains the classifier's logits for given classes of given images."""

    requires: frozenset[Capability] = frozenset()
    """What it cannot do without. An instance may need more or less than its class."""

    control: ClassVar[ControlKind | None] = None
    """Which kind of control it is; ``None`` for an explainer that means what it says."""

    @final
    def explain(
        self, images: Tensor, target: Tensor | int, inputs: ExplanationInputs
    ) -> Explanation:
        """Return the explanation.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1].
        target
            ``[n]`` class indices, or one for all.
        inputs
            What the explainer may look at.

        Raises
        ------
        CapabilityError
            If the run lacks something that the explainer requires.
        ContractError
            If the explanation does not fit the images, or is not finite.
        """
        who = f"{type(self).__module__}.{type(self).__qualname__}"
        inputs.require(self.requires, type(self).__name__)
        classes = torch.as_tensor(target, dtype=torch.int64).expand(images.shape[0])
        explanation = self._explain(images, classes, inputs)
        n, d = images.shape[0], len(explanation.concepts)
        expected = {f"map {name}": (n, *images.shape[2:]) for name in explanation.maps}
        claims = {f"map {name}": tensor for name, tensor in explanation.maps.items()}
        if explanation.importance is not None:
            expected["importance"] = (n, d)
            claims["importance"] = explanation.importance
        if not claims:
            raise ContractError(f"{who} explains nothing: neither importance nor a map")
        for name, tensor in claims.items():
            if tuple(tensor.shape) != expected[name]:
                shape = list(tensor.shape)
                raise ContractError(f"{who}: {name} is {list(expected[name])}, not {shape}")
            if not bool(torch.isfinite(tensor).all()):
                raise ContractError(f"{who}: {name} holds values that are not finite")
        return explanation

    @abstractmethod
    def _explain(
        self, images: Tensor, target: Tensor, inputs: ExplanationInputs
    ) -> Explanation: ...
