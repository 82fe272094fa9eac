"""Explainers: say which concepts or pixels led to the classifier's logits for some images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Self, cast, final

import torch
from torch import Tensor

from causalxai.capabilities import Capability, needed
from causalxai.concept import Units
from causalxai.dataset_dependent import DatasetDependent
from causalxai.errors import ContractError
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai.plotting import PlotsExplanation
from causalxai.short_repr import short_repr
from causalxai.storage.record import Json, Record, fault_of_tensor, plain_json
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

    __repr__ = short_repr

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the run offers up to this stage."""
        graph = frozenset() if self.graph is None else frozenset({Capability.GRAPH})
        return super().capabilities | graph

    def need_graph(self) -> CausalGraph:
        """Return the graph; CapabilityError if the run has none."""
        return needed(self.graph, Capability.GRAPH)


@dataclass(frozen=True)
class Explanation(PlotsExplanation):
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

    def of_rows(self, rows: Tensor) -> Explanation:
        """Return what it says of some of its images, without ``details``, by indices ``[m]``."""
        places: dict[int, list[int]] = {}
        for place, row in enumerate(rows.tolist()):
            places.setdefault(row, []).append(place)
        return replace(
            self,
            images=self.images[rows],
            target=self.target[rows],
            importance=None if self.importance is None else self.importance[rows],
            maps={name: heat[rows] for name, heat in self.maps.items()},
            what_ifs=tuple(
                replace(one, row=place)
                for one in self.what_ifs
                for place in places.get(one.row, ())
            ),
            units=None if self.units is None else self.units[rows],
            details={},
        )

    def __repr__(self) -> str:
        parts = [f"images {list(self.images.shape)}"]
        if self.importance is not None:
            parts.append(f"importance {list(self.importance.shape)}")
        if self.maps:
            parts.append(f"maps: {len(self.maps)}")
        if self.what_ifs:
            parts.append(f"what-ifs: {len(self.what_ifs)}")
        return f"Explanation({', '.join(parts)})"

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


class Explainer(DatasetDependent, ABC):
    """Explains the classifier's logits for given classes of given images."""

    requires: frozenset[Capability] = frozenset()
    """The capabilities that it needs. An instance may need more or fewer than its class."""

    space_kind: ClassVar[type] = object
    """The only class of concept spaces that it works with; ``object`` for all."""
    oracle_kind: ClassVar[type] = object
    """The only class of oracles that it works with; ``object`` for all."""

    control: ClassVar[ControlKind | None] = None
    """Its kind if it is a control; ``None`` for all other explainers."""

    def check_size(self, concepts: int) -> None:
        """Check that the settings fit the number of concepts, which may be known before the fit.

        By default, every number will do.

        Raises
        ------
        CapabilityError
            If they do not; the message names the setting.
        """

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
        given = images.clone(), classes.clone()
        explanation = self._explain(images, classes, inputs)
        fault = fault_of_explanation(explanation, *given, len(inputs.classifier.class_names))
        if fault is None and not (_same(images, given[0]) and _same(classes, given[1])):
            fault = " changes the images or classes that it is given"
        if fault is not None:
            raise ContractError(f"{self.origin}{fault}")
        if with_units and explanation.units is None and inputs.space is not None:
            return replace(explanation, units=inputs.space.encode(images))
        return explanation

    @abstractmethod
    def _explain(
        self, images: Tensor, target: Tensor, inputs: ExplanationInputs
    ) -> Explanation: ...


def fault_of_explanation(
    explanation: object, images: Tensor, target: Tensor, classes: int
) -> str | None:
    """Return how an explanation breaks the contract of explainers; ``None`` if it does not.

    Parameters
    ----------
    explanation
        What the explainer returned.
    images, target
        ``[n, c, h, w]`` and ``[n]``, what it was asked to explain.
    classes
        The number K of classes.
    """
    if not isinstance(explanation, Explanation):
        return f" must return an Explanation, not {type(explanation).__name__}"
    return (
        _fault_of_contents(explanation)
        or _fault_of_subject(explanation, images, target)
        or _fault_of_claims(explanation, images)
        or _fault_of_what_ifs(explanation, images, classes)
    )


def _fault_of_contents(explanation: Explanation) -> str | None:
    """Return which parts are of the wrong types, so that they cannot be stored."""
    names = explanation.concepts
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return ": concepts must be a tuple of texts"
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        return f": names of concepts must be unique; {twice!r} occurs more than once"
    tensors: dict[str, object] = {"images": explanation.images, "target": explanation.target}
    if explanation.importance is not None:
        tensors["importance"] = explanation.importance
    tensors |= {f"map {name}": tensor for name, tensor in explanation.maps.items()}
    tensors |= {f"detail {name}": tensor for name, tensor in explanation.details.items()}
    for name, tensor in tensors.items():
        fault = fault_of_tensor(tensor)
        if fault is not None:
            return f": {name} {fault}"
    try:
        plain_json(explanation.meta, "meta")
    except ValueError as error:
        return f": {error}"
    return None


def _fault_of_subject(explanation: Explanation, images: Tensor, target: Tensor) -> str | None:
    """Return whether an explanation is of other images or classes than it was asked for."""
    n = images.shape[0]
    if explanation.images.shape != images.shape:
        return f": images are {list(explanation.images.shape)}, not the {list(images.shape)} given"
    if not _same(explanation.images, images):
        return ": images are not those that it was given"
    if explanation.target.shape != target.shape or not _same(explanation.target, target):
        return ": target is not what it was given"
    if explanation.units is not None and len(explanation.units) != n:
        return f": {len(explanation.units)} units were kept of {n} images"
    return None


def _fault_of_claims(explanation: Explanation, images: Tensor) -> str | None:
    """Return what is wrong with the importances or the maps."""
    n, d = images.shape[0], len(explanation.concepts)
    expected = {f"map {name}": (n, *images.shape[2:]) for name in explanation.maps}
    claims = {f"map {name}": tensor for name, tensor in explanation.maps.items()}
    if explanation.importance is not None:
        expected["importance"] = (n, d)
        claims["importance"] = explanation.importance
    if not claims:
        return " explains nothing: neither importance nor a map"
    for name, tensor in claims.items():
        if tensor.dtype not in (torch.float32, torch.float64):
            return f": {name} must be of float32 or float64, not {tensor.dtype}"
        if tensor.requires_grad:
            return f": {name} still requires gradients; call detach() on it"
        if tuple(tensor.shape) != expected[name]:
            return f": {name} is {list(expected[name])}, not {list(tensor.shape)}"
        if not bool(torch.isfinite(tensor).all()):
            return f": {name} holds values that are not finite"
    return None


def _fault_of_what_ifs(explanation: Explanation, images: Tensor, classes: int) -> str | None:
    for what_if in explanation.what_ifs:
        fault = fault_of(what_if, len(images), images.shape[1:], classes)
        if fault is not None:
            return f": the what-if {what_if.words!r} {fault}"
    return None
