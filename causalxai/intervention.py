"""Interventions: what do() changes, for a whole batch of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

NO_TARGET = -1
"""Pads the targets of an intervention that changes fewer concepts than others in the batch."""


class Action(StrEnum):
    """How an intervention changes the concepts that it targets."""

    SET = "set"
    SHIFT = "shift"
    FLIP = "flip"


@dataclass(frozen=True)
class Intervention:
    """``q`` interventions, each of which acts on at most ``k`` concepts.

    Only the changed concepts are stored, because there may be a hundred thousand (network
    parameters, for example).

    Parameters
    ----------
    targets
        ``[q, k]`` int64, indices of concepts; ``NO_TARGET`` stands for none. A row must not
        contain a concept twice.
    values
        ``[q, k]``, the same for every unit, or ``[q, n, k]``. The values to set (``SET``) or to
        add (``SHIFT``), in the concept's own unit; ignored by ``FLIP``.
    action
        How the targets are changed.

    Raises
    ------
    ValueError
        If the shapes disagree or a row names a concept twice.
    """

    targets: Tensor
    values: Tensor
    action: Action = Action.SET

    def __post_init__(self) -> None:
        if self.targets.dim() != 2 or self.targets.dtype != torch.int64:
            raise ValueError(f"targets are int64 [q, k], not {_describe(self.targets)}")
        shape, expected = tuple(self.values.shape), tuple(self.targets.shape)
        if self.values.dim() not in (2, 3) or (shape[0], shape[-1]) != expected:
            raise ValueError(
                f"values are [q, k] or [q, n, k] with targets {expected}, "
                f"not {_describe(self.values)}"
            )
        if expected[1] < 2:
            return
        ordered = self.targets.sort(dim=1).values
        twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_TARGET)
        if bool(twice.any()):
            row = int(twice.any(dim=1).nonzero()[0])
            raise ValueError(f"intervention {row} names a concept twice")

    def __repr__(self) -> str:
        count, most = self.targets.shape
        return f"Intervention({count} times {self.action.name}, of at most {most} concepts)"

    @classmethod
    def none(cls, count: int = 1) -> Intervention:
        """Return ``count`` empty interventions, which change nothing."""
        return cls(torch.empty(count, 0, dtype=torch.int64), torch.empty(count, 0))

    @classmethod
    def set(cls, targets: Tensor, values: Tensor | float) -> Intervention:
        """Return do(c = value) for each row of ``targets`` (``[q, k]``, or ``[q]`` for k = 1)."""
        return cls._build(targets, values, Action.SET)

    @classmethod
    def shift(cls, targets: Tensor, amounts: Tensor | float) -> Intervention:
        """Return do(c = c + amount) for each row of ``targets``."""
        return cls._build(targets, amounts, Action.SHIFT)

    @classmethod
    def flip(cls, targets: Tensor) -> Intervention:
        """Return do(z = 1 - z) for each row of ``targets``; for boolean concepts."""
        return cls._build(targets, 0.0, Action.FLIP)

    @classmethod
    def ablate(cls, targets: Tensor) -> Intervention:
        """Return do(c = 0) for each row of ``targets``; it removes a network parameter."""
        return cls._build(targets, 0.0, Action.SET)

    @classmethod
    def _build(cls, targets: Tensor, values: Tensor | float, action: Action) -> Intervention:
        rows = targets[:, None] if targets.dim() == 1 else targets
        if not isinstance(values, Tensor):
            values = torch.full(rows.shape, float(values), device=rows.device)
        elif values.dim() == 1:
            values = values[:, None]
        return cls(rows, values, action)

    def __len__(self) -> int:
        return self.targets.shape[0]

    def __getitem__(self, rows: slice | Tensor) -> Intervention:
        return Intervention(self.targets[rows], self.values[rows], self.action)

    def for_units(self, units: slice) -> Intervention:
        """Return the same interventions on some of the units only."""
        values = self.values[:, units] if self.values.dim() == 3 else self.values
        return Intervention(self.targets, values, self.action)

    def resolve(self, state: Tensor) -> Tensor:
        """Return the value that each target takes.

        Parameters
        ----------
        state
            ``[n, d]``, the concepts' values before the intervention.

        Returns
        -------
        Tensor
            ``[q, n, k]``; entries where the target is ``NO_TARGET`` have no meaning.
        """
        values = self.values if self.values.dim() == 3 else self.values[:, None]
        q, k = self.targets.shape
        values = values.to(state.device, state.dtype).expand(q, state.shape[0], k)
        if self.action is Action.SET:
            return values
        index = self.targets.clamp(min=0).to(state.device)
        # [n, d] indexed by [q, k] is [n, q, k]; interventions come first.
        before = state[:, index].permute(1, 0, 2)
        return before + values if self.action is Action.SHIFT else 1 - before

    def apply(self, state: Tensor) -> Tensor:
        """Return the values of all concepts after each intervention, ``[q, n, d]``."""
        q, n = len(self), state.shape[0]
        after = state.expand(q, *state.shape)
        # A column is added that takes the values of NO_TARGET, and is cut off in the end.
        padded = torch.cat([after, after.new_zeros(q, n, 1)], dim=2)
        index = self.targets.to(state.device)
        index = index.where(index != NO_TARGET, torch.full_like(index, state.shape[1]))
        index = index[:, None].expand(q, n, index.shape[1])
        return padded.scatter(2, index, self.resolve(state))[..., :-1]


def _describe(tensor: Tensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}".replace("torch.", "")
