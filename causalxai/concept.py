"""Concepts: variables on which one may intervene, and the individuals that have their values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from causalxai.intervention import Action, Intervention
from causalxai.short_repr import short_repr

_IDENTITY = ("name", "layer", "tier")
_HALF = 0.5


@dataclass(frozen=True)
class UnitChange:
    """The values to which do() sets concepts so that each changes by one unit.

    Parameters
    ----------
    set_to
        The new values, of any shape.
    share
        The same shape: the share of a concept's importance that the change is claimed to add to
        the target's logit. It is 1 for one unit up, -1 for one unit down, a flip or a removal, and
        smaller if a bound limits the change.
    """

    set_to: Tensor
    share: Tensor

    __repr__ = short_repr


@dataclass(frozen=True, slots=True)
class Concept:
    """One variable; this class is for continuous ones.

    A concept knows what one unit of change is for it, so that explainers and metrics need no
    case distinction by kind. Another kind of variable is another subclass, which overrides the
    methods below. They work on tensors of any shape, element by element.

    Parameters
    ----------
    name
        Unique within its space.
    low, high
        The bounds of the values, if there are any.
    unit
        The unit of the values; ``"sd"`` where one unit is one standard deviation. Where it is
        empty, ``scale`` is a standard deviation, and changes are described in standard deviations.
    layer
        The network layer that the concept lives in, if any.
    tier
        Its place in a known order: a concept may cause only those of its own or a higher tier.
    scale
        The size of one unit of change in the concept's own values: the standard deviation over
        test images (see ``held_out_scales``), or 1 where the values have a natural unit. 0
        where the concept never varies.
    """

    name: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    layer: str | None = None
    tier: int | None = None
    scale: float = 1.0

    action: ClassVar[Action] = Action.SHIFT
    """What one intervention on the concept is."""
    is_binary: ClassVar[bool] = False
    """Whether its values are 0 and 1, neither of which is an absence."""
    is_measured: ClassVar[bool] = True
    """Whether its value is read from images. Otherwise it is the same in all images, interventions
    on other concepts do not change it, and it has no readback."""

    def unit_change(self, values: Tensor, *, up: bool = True) -> UnitChange:
        """Return the change by one unit up or down, limited by ``low`` and ``high``.

        A value that is already outside the bounds is not changed.
        """
        step = self.scale if up else -self.scale
        set_to = self.moved(values, values.new_full((), step))
        return UnitChange(set_to, (set_to - values) / values.new_full((), self.scale or 1.0))

    def intervention(self, place: int, *, up: bool = True) -> Intervention:
        """Return the change by one unit of the concept at ``place`` of its space, unbounded."""
        return Intervention.shift(torch.tensor([place]), self.scale if up else -self.scale)

    def sign(self, *, up: bool = True) -> int:
        """Return the sign of the claimed effect of ``intervention``, which is that of its share."""
        return 1 if up else -1

    def moved(self, values: Tensor, amount: Tensor) -> Tensor:
        """Return values that are moved by an amount in the concept's own values."""
        low = values if self.low is None else values.clamp(max=self.low)
        high = values if self.high is None else values.clamp(min=self.high)
        moved = values + amount
        moved = moved if self.low is None else moved.maximum(low)
        return moved if self.high is None else moved.minimum(high)

    def contrast(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return two values whose comparison shows the concept's effect, the higher one first.

        They are one unit apart, around the concept's own value, unless a bound prevents it.
        """
        half = values.new_full((), self.scale / 2)
        return self.moved(values, half), self.moved(values, -half)

    def other_values(self, values: Tensor) -> tuple[float, ...]:
        """Return possible values that most of the units with ``values`` ``[n]`` do not have."""
        mean, spread = values.mean(), float(values.std(correction=0)) or 1.0
        return (float(self.moved(mean, mean.new_full((), spread))),)

    def in_words(self, before: float, after: float) -> str:
        """Return a description of a change, such as ``thickness +1 sd``."""
        in_sds = self.unit in ("", "sd")
        amount = (after - before) / (self.scale or 1.0) if in_sds else after - before
        number = f"{amount:+.3g}".replace("-", "\N{MINUS SIGN}")
        return f"{self.name} {number}\N{NO-BREAK SPACE}{'sd' if in_sds else self.unit}"

    def measure(self) -> Hashable:
        """Return a key that is equal for concepts that differ only in name, layer and tier."""
        names = _measuring_fields(type(self))  # type: ignore[arg-type]  # classes are hashable
        return (type(self), *(getattr(self, name) for name in names))


@dataclass(frozen=True, slots=True)
class _Switch(Concept):
    """The base of concepts from 0 to 1 with a single intervention, which goes to the other end."""

    low: float | None = 0.0
    high: float | None = 1.0

    def sign(self, *, up: bool = True) -> int:  # noqa: ARG002
        """Return -1, because an intervention removes what the present value contributes."""
        return -1

    def moved(self, values: Tensor, amount: Tensor) -> Tensor:
        """Return 1 for a move up and 0 for a move down, of any size."""
        shape = torch.broadcast_shapes(values.shape, amount.shape)
        return (amount > 0).to(values).expand(shape)

    def contrast(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 and 0."""
        return torch.ones_like(values), torch.zeros_like(values)


@dataclass(frozen=True, slots=True)
class BooleanConcept(_Switch):
    """A concept with the values 0 and 1; one intervention on it is a flip."""

    action: ClassVar[Action] = Action.FLIP
    is_binary: ClassVar[bool] = True

    def unit_change(self, values: Tensor, *, up: bool = True) -> UnitChange:  # noqa: ARG002
        """Return the flip."""
        return UnitChange(1 - values, torch.full_like(values, -1.0))

    def intervention(self, place: int, *, up: bool = True) -> Intervention:  # noqa: ARG002
        """Return the flip of the concept at ``place`` of its space."""
        return Intervention.flip(torch.tensor([place]))

    def other_values(self, values: Tensor) -> tuple[float, ...]:
        """Return the value that the first unit does not have."""
        return (1 - round(float(values[0])),)

    def in_words(self, before: float, after: float) -> str:  # noqa: ARG002
        """Return ``smiling`` or ``not smiling``."""
        return self.name if after > _HALF else f"not {self.name}"


@dataclass(frozen=True, slots=True)
class ParameterConcept(_Switch):
    """A parameter of the network: 1 is intact, 0 is removed; its intervention is the removal."""

    unit: str = "share"

    action: ClassVar[Action] = Action.SET
    is_measured: ClassVar[bool] = False

    def unit_change(self, values: Tensor, *, up: bool = True) -> UnitChange:  # noqa: ARG002
        """Return the removal."""
        return UnitChange(torch.zeros_like(values), torch.full_like(values, -1.0))

    def intervention(self, place: int, *, up: bool = True) -> Intervention:  # noqa: ARG002
        """Return the removal of the concept at ``place`` of its space."""
        return Intervention.ablate(torch.tensor([place]))

    def other_values(self, values: Tensor) -> tuple[float, ...]:  # noqa: ARG002
        """Return 0 and .5: removed and halved."""
        return (0.0, 0.5)

    def in_words(self, before: float, after: float) -> str:  # noqa: ARG002
        """Return ``conv1[3] removed``, or the factor by which it is multiplied."""
        return f"{self.name} removed" if after == 0 else f"{self.name} times {after:.3g}"


@cache
def _measuring_fields(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.name not in _IDENTITY)


def alike(concepts: Sequence[Concept]) -> list[tuple[Concept, Tensor]]:
    """Group concepts that behave alike, because there may be a hundred thousand of them.

    Returns
    -------
    list
        One concept of each group, and the columns ``[g]`` of the group.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for column, concept in enumerate(concepts):
        groups[concept.measure()].append(column)
    return [(concepts[columns[0]], torch.tensor(columns)) for columns in groups.values()]


def unit_changes(concepts: Sequence[Concept], values: Tensor, *, up: bool = True) -> UnitChange:
    """Return the change of each concept by one unit.

    Parameters
    ----------
    concepts
        The ``d`` concepts.
    values
        ``[n, d]``, their present values.
    up
        Whether concepts that can go either way go up or down.
    """
    set_to, share = torch.empty_like(values), torch.empty_like(values)
    for concept, columns in alike(concepts):
        change = concept.unit_change(values[:, columns], up=up)
        set_to[:, columns], share[:, columns] = change.set_to, change.share
    return UnitChange(set_to, share)


@dataclass(frozen=True)
class Units:
    """``n`` individuals, as abduction infers them from images.

    Parameters
    ----------
    values
        ``[n, d]``, the value of every concept (the *state* before an intervention).
    residual
        What the oracle keeps fixed for each individual, such as an image or a style code, by name;
        the first axis of each tensor is ``n``.
    """

    values: Tensor
    residual: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.values.shape[0]

    def __repr__(self) -> str:
        return f"Units(values {list(self.values.shape)})"

    def __getitem__(self, rows: slice | Tensor) -> Units:
        return Units(
            self.values[rows], {name: tensor[rows] for name, tensor in self.residual.items()}
        )

    def to(self, device: torch.device) -> Units:
        """Return the same individuals on a device."""
        residual = {name: tensor.to(device) for name, tensor in self.residual.items()}
        return Units(self.values.to(device), residual)
