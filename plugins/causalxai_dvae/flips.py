"""Flips of bits: all of them, each alone, and for each image a few that turn a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from causalxai.concept_space import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle

_IMPOSSIBLE = float("-inf")


def flip_all(bits: int) -> Intervention:
    """Return the one intervention do(z = 1 - z) on a whole code.

    It takes the prediction *away* from its class. With two classes that is towards the other one;
    with more, nobody has chosen where it lands, and one must look.
    """
    return Intervention.flip(torch.arange(bits)[None])


def flip_each(bits: int) -> Intervention:
    """Return an intervention for each bit, which flips that one alone."""
    return Intervention.flip(torch.arange(bits))


def flip_some(units: Units, flipped: Tensor) -> Intervention:
    """Return ``q`` interventions that flip bits of each unit's own: ``[q, n, b]``, bool."""
    values = units.values.where(~flipped, 1 - units.values)
    return Intervention.set(torch.arange(values.shape[2]).expand(len(values), -1), values)


@dataclass(frozen=True)
class MinimalFlips:
    """For each unit, a small set of bits whose flip turns the prediction.

    No single bit can be taken back from it. Where bits act together, there may still be smaller
    sets, even within it: single removals are all that has been tried.

    Parameters
    ----------
    flipped
        ``[n, b]``, bool: the set. Empty where the prediction was there before, and where it could
        not be turned.
    turned
        ``[n]``, bool: whether the prediction is turned.
    logits
        ``[n, K]``, once the set is flipped.
    """

    flipped: Tensor
    turned: Tensor
    logits: Tensor

    @property
    def size(self) -> Tensor:
        """``[n]``, how many bits the sets have."""
        return self.flipped.sum(dim=1)


def minimal_flips(oracle: Oracle, units: Units, target: Tensor | None = None) -> MinimalFlips:
    """Find, for each unit, few bits that turn its prediction when they are flipped.

    Bits are added one by one, each time the one that raises the margin most, until the prediction
    turns; then bits that are not needed (any more) are taken back, the one whose absence leaves
    the largest margin first, until no single one can be. The search is greedy: there may be a
    smaller set that it does not see, even a part of the one it returns (without two bits at
    once), and units that no path of it turns.

    Parameters
    ----------
    oracle
        Bound to a space whose concepts are all boolean.
    units
        ``n`` of them, with values 0 and 1.
    target
        ``[n]``, the class that each prediction is to become; the margin is that of this class
        over the best other one. Without, the margin is that of the best other class over the one
        predicted: any other will do, and with two classes there is only one.

    Returns
    -------
    MinimalFlips
        A prediction is turned where its margin is positive.
    """
    search = _Search.begin(oracle, units, target)
    search.add_until_turned()
    search.take_back_what_is_not_needed()
    return search.result()


@dataclass
class _Search:
    """The sets so far; all units that are not done yet go forward together."""

    oracle: Oracle
    units: Units
    favoured: Tensor
    """``[n, K]``, bool: the classes of which one must win."""
    flipped: Tensor
    margin: Tensor

    @classmethod
    def begin(cls, oracle: Oracle, units: Units, target: Tensor | None) -> _Search:
        logits = oracle.query(units, Intervention.none()).answer("logits")[0]
        index = logits.argmax(dim=1) if target is None else target.to(logits.device)
        favoured = functional.one_hot(index, logits.shape[1]).bool()
        favoured = ~favoured if target is None else favoured
        flipped = torch.zeros_like(units.values, dtype=torch.bool)
        return cls(oracle, units, favoured, flipped, _margin(logits, favoured))

    def add_until_turned(self) -> None:
        for _ in range(self.flipped.shape[1]):
            rows = (self.margin <= 0).nonzero()[:, 0]
            if not len(rows):
                return
            margins = self._if_flipped(rows).masked_fill(self.flipped[rows], _IMPOSSIBLE)
            self._flip(rows, margins)
        self.flipped[self.margin <= 0] = False

    def take_back_what_is_not_needed(self) -> None:
        rows = self.flipped.any(dim=1).nonzero()[:, 0]
        while len(rows):
            margins = self._if_flipped(rows).masked_fill(~self.flipped[rows], _IMPOSSIBLE)
            spare = (margins > 0).any(dim=1)
            rows = rows[spare]
            self._flip(rows, margins[spare])

    def result(self) -> MinimalFlips:
        every = torch.arange(len(self.units), device=self.flipped.device)
        logits = self._logits(every, self.flipped[None])[0]
        return MinimalFlips(self.flipped, _margin(logits, self.favoured) > 0, logits)

    def _flip(self, rows: Tensor, margins: Tensor) -> None:
        """Flip, in some units, the bit that gives the largest of the margins ``[m, b]``."""
        self.margin[rows], bits = margins.max(dim=1)
        self.flipped[rows, bits] = ~self.flipped[rows, bits]

    def _if_flipped(self, rows: Tensor) -> Tensor:
        """Return the margins ``[m, b]`` if each bit were flipped beside the set, or taken back."""
        own = torch.eye(self.flipped.shape[1], dtype=torch.bool, device=self.flipped.device)
        logits = self._logits(rows, own[:, None] ^ self.flipped[rows])
        return _margin(logits, self.favoured[rows]).T

    def _logits(self, rows: Tensor, flipped: Tensor) -> Tensor:
        """Return the logits ``[q, m, K]`` with sets ``[q, m, b]`` flipped."""
        units = self.units[rows]
        return self.oracle.query(units, flip_some(units, flipped)).answer("logits")


def _margin(logits: Tensor, favoured: Tensor) -> Tensor:
    """Return how far the best favoured class is above the best other one, ``[..., n]``."""
    ours, others = (
        logits.masked_fill(~mine, _IMPOSSIBLE).amax(dim=-1) for mine in (favoured, ~favoured)
    )
    return ours - others
