"""Explainers: from a graph and an oracle to why these images got these predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Self, cast, final

import torch
from torch import Tensor

from causalxai.capabilities import Capability, needed
from causalxai.concept_space import Units
from causalxai.errors import ContractError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.intervention import Action
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
class Change:
    """What an intervention does to one concept.

    Parameters
    ----------
    concept
        The concept's name.
    action
        Whether its value is set, shifted or flipped.
    value
        The new value, or the amount of a shift, in the concept's own values; of no meaning for a
        flip.
    words
        The same for a reader, as in "thickness +1 sd".
    """

    concept: str
    action: Action
    value: float
    words: str


@dataclass(frozen=True, eq=False)
class WhatIf:
    """What the oracle answers for one of the explained images after an intervention.

    Parameters
    ----------
    row
        Which of the explained images.
    changes
        What is done. Empty: nothing is, and the answer is the image as the oracle perceives it.
    logits
        ``[K]``, on the CPU.
    image
        ``[c, h, w]`` in [0, 1], on the CPU; ``None`` where none was rendered or kept.
    """

    row: int
    changes: tuple[Change, ...]
    logits: Tensor
    image: Tensor | None = None

    @property
    def words(self) -> str:
        """What is done, for a reader."""
        return ", ".join(change.words for change in self.changes) or "as perceived"


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
    what_ifs
        What-ifs of some of the images, in any order. Comparisons show their pictures.
    units
        The images as the run's concept space reads them, so that nobody reads them again;
        ``None`` where the run has no concept space.
    details
        Further tensors of the method, by name, for its own report.
    meta
        Further plain values of the method, for its own report.
    """

    images: Tensor
    target: Tensor
    concepts: tuple[str, ...] = ()
    importance: Tensor | None = None
    maps: Mapping[str, Tensor] = field(default_factory=dict)
    what_ifs: tuple[WhatIf, ...] = ()
    units: Units | None = None
    details: Mapping[str, Tensor] = field(default_factory=dict)
    meta: Mapping[str, Json] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.images.shape[0]

    def to_record(self) -> Record:
        """Return the explanation as it is stored."""
        tensors = {"images": self.images, "target": self.target}
        if self.importance is not None:
            tensors["importance"] = self.importance
        if self.units is not None:
            tensors["units"] = self.units.values
            tensors |= {f"residual/{name}": part for name, part in self.units.residual.items()}
        tensors |= {f"map/{name}": tensor for name, tensor in self.maps.items()}
        tensors |= {f"detail/{name}": tensor for name, tensor in self.details.items()}
        pictured = [what_if.image for what_if in self.what_ifs if what_if.image is not None]
        if self.what_ifs:
            tensors["what_if_logits"] = torch.stack([one.logits for one in self.what_ifs])
        if pictured:
            tensors["what_if_images"] = torch.stack(pictured)
        meta: dict[str, Json] = {
            "concepts": list(self.concepts),
            "maps": list(self.maps),
            "details": list(self.details),
            "residual": None if self.units is None else list(self.units.residual),
            "what_ifs": [_what_if_json(what_if) for what_if in self.what_ifs],
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
        residual = cast("list[str] | None", record.meta["residual"])
        units = None
        if residual is not None:
            kept = {name: tensors[f"residual/{name}"] for name in residual}
            units = Units(tensors["units"], kept)
        return cls(
            images=tensors["images"],
            target=tensors["target"],
            concepts=tuple(names["concepts"]),
            importance=tensors.get("importance"),
            maps={name: tensors[f"map/{name}"] for name in names["maps"]},
            what_ifs=_what_ifs_of(record),
            units=units,
            details={name: tensors[f"detail/{name}"] for name in names["details"]},
            meta=cast("dict[str, Json]", record.meta["meta"]),
        )


def _what_if_json(what_if: WhatIf) -> Json:
    changes: list[Json] = [
        {
            "concept": change.concept,
            "action": str(change.action),
            "value": change.value,
            "words": change.words,
        }
        for change in what_if.changes
    ]
    return {"row": what_if.row, "changes": changes, "pictured": what_if.image is not None}


def _what_ifs_of(record: Record) -> tuple[WhatIf, ...]:
    listed = cast("list[dict[str, Any]]", record.meta["what_ifs"])
    images = iter(record.tensors.get("what_if_images", ()))
    return tuple(
        WhatIf(
            row=entry["row"],
            changes=tuple(
                Change(**{**change, "action": Action(change["action"])})
                for change in entry["changes"]
            ),
            logits=logits,
            image=next(images) if entry["pictured"] else None,
        )
        for entry, logits in zip(listed, record.tensors.get("what_if_logits", ()), strict=True)
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
