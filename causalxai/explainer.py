"""Explainers: say which concepts or pixels led to the classifier's logits for some images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Self, cast, final

import torch
from torch import Tensor

from causalxai.capabilities import Capability, needed
from causalxai.concept_space import Units
from causalxai.errors import ContractError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.plugin import Plugin
from causalxai.storage.record import Json, Record
from causalxai.what_if import WhatIf, fault_of, what_ifs_from_record, what_ifs_to_record


@dataclass(frozen=True, kw_only=True)
class ExplanationInputs(DiscoveryInputs):
    """The inputs of an explainer: those of a discoverer, and the discovered graph.

    Parameters
    ----------
    graph
        The causal graph, where the run has one.
    discoverer
        The graph's discoverer, for explainers that follow its settings.
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
    """An explanation of the logits of ``n`` images for ``n`` classes.

    Parameters
    ----------
    images
        ``[n, c, h, w]``.
    target
        ``[n]``, the class that is explained for each image.
    concepts
        Names of the ``d`` concepts of the importances.
    importance
        ``[n, d]``, how much each concept supports the target class, on the logit; negative
        where it opposes the class. ``None`` for explanations that attribute to pixels alone.
    maps
        Attribution maps by name, each ``[n, h, w]``; the first one is the method's own claim.
    what_ifs
        What-ifs of some of the images, in any order. Comparisons show their images.
    units
        The units that the run's concept space reads from the images, so that they are read only
        once; ``None`` if the run has no concept space.
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
        tensors |= {f"map/{name}": tensor for name, tensor in self.maps.items()}
        tensors |= {f"detail/{name}": tensor for name, tensor in self.details.items()}
        what_ifs = what_ifs_to_record(self.what_ifs)
        units = Record(meta={"units": None})
        if self.units is not None:
            units = _units_to_record(self.units, self.images)
        tensors |= {**what_ifs.tensors, **units.tensors}
        meta: dict[str, Json] = {
            "concepts": list(self.concepts),
            "maps": list(self.maps),
            "details": list(self.details),
            **what_ifs.meta,
            **units.meta,
            "meta": dict(self.meta),
        }
        return Record(tensors={name: t.cpu() for name, t in tensors.items()}, meta=meta)

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Read the record that ``to_record`` returned."""
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
            what_ifs=what_ifs_from_record(record),
            units=_units_from_record(record),
            details={name: tensors[f"detail/{name}"] for name in names["details"]},
            meta=cast("dict[str, Json]", record.meta["meta"]),
        )


def _units_to_record(units: Units, images: Tensor) -> Record:
    """Return units as they are stored, without tensors that equal the images or repeat a value."""
    values, residual = units.values, dict(units.residual)
    # A space of 100 000 intact parameters returns a view of a single 1.
    single = values.numel() > 1 and not any(values.stride())
    repeated = [name for name, part in residual.items() if _same(part, images)]
    tensors = {"units": values.flatten()[:1] if single else values}
    tensors |= {f"residual/{name}": part for name, part in residual.items() if name not in repeated}
    meta: dict[str, Json] = {
        "shape": list(values.shape),
        "residual": list(residual),
        "images": list(repeated),
    }
    return Record(tensors=tensors, meta={"units": meta})


def _units_from_record(record: Record) -> Units | None:
    """Read the units that ``_units_to_record`` returned."""
    if record.meta["units"] is None:
        return None
    meta, tensors = cast("dict[str, list[Any]]", record.meta["units"]), record.tensors
    values = tensors["units"]
    if list(values.shape) != meta["shape"]:
        values = values[0].expand(meta["shape"])
    residual = {
        name: tensors["images" if name in meta["images"] else f"residual/{name}"]
        for name in meta["residual"]
    }
    return Units(values, residual)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one.cpu(), other.cpu())


class ControlKind(StrEnum):
    """The kinds of explainers that serve as controls: they know nothing of the classifier."""

    RANDOM = "random"
    """Noise."""
    CONSTANT = "constant"
    """The same for every image, class and classifier."""


class Explainer(Plugin, ABC):
    """Explains the classifier's logits for given classes of given images."""

    requires: frozenset[Capability] = frozenset()
    """The capabilities that it needs. An instance may need more or fewer than its class."""

    control: ClassVar[ControlKind | None] = None
    """Its kind if it is a control; ``None`` for all other explainers."""

    @final
    def explain(
        self,
        images: Tensor,
        target: Tensor | int,
        inputs: ExplanationInputs,
        *,
        with_units: bool = True,
    ) -> Explanation:
        """Return the explanation.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1].
        target
            ``[n]`` class indices, or one for all.
        inputs
            The inputs of the explainer.
        with_units
            Whether the explanation must have ``units`` even if the explainer does not need them.
            ``False`` saves time if the values of the concepts are not used.

        Raises
        ------
        CapabilityError
            If the run lacks something that the explainer requires.
        ContractError
            If the explanation does not fit the images, or is not finite.
        """
        inputs.require(self.requires, type(self).__name__)
        classes = torch.as_tensor(target, dtype=torch.int64).expand(images.shape[0])
        explanation = self._explain(images, classes, inputs)
        fault = _fault(explanation, images, len(inputs.classifier.class_names))
        if fault is not None:
            raise ContractError(f"{type(self).__module__}.{type(self).__qualname__}{fault}")
        if with_units and explanation.units is None and inputs.space is not None:
            return replace(explanation, units=inputs.space.encode(images))
        return explanation

    @abstractmethod
    def _explain(
        self, images: Tensor, target: Tensor, inputs: ExplanationInputs
    ) -> Explanation: ...


def _fault(explanation: Explanation, images: Tensor, classes: int) -> str | None:
    """Return how an explanation of images breaks the contract; ``None`` if it does not."""
    n, d = images.shape[0], len(explanation.concepts)
    expected = {f"map {name}": (n, *images.shape[2:]) for name in explanation.maps}
    claims = {f"map {name}": tensor for name, tensor in explanation.maps.items()}
    if explanation.importance is not None:
        expected["importance"] = (n, d)
        claims["importance"] = explanation.importance
    if not claims:
        return " explains nothing: neither importance nor a map"
    for name, tensor in claims.items():
        if tuple(tensor.shape) != expected[name]:
            return f": {name} is {list(expected[name])}, not {list(tensor.shape)}"
        if not bool(torch.isfinite(tensor).all()):
            return f": {name} holds values that are not finite"
    for what_if in explanation.what_ifs:
        fault = fault_of(what_if, n, images.shape[1:], classes)
        if fault is not None:
            return f": the what-if {what_if.words!r} {fault}"
    if explanation.units is not None and len(explanation.units) != n:
        return f": {len(explanation.units)} units were kept of {n} images"
    return None
