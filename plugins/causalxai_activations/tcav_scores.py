"""TCAV scores: the share of a class's images whose logit rises along a direction, and its test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.metric import Estimate

Values = NDArray[np.float64]

CHANCE = 0.5
_LEVEL = 0.05
_ROUNDING = 1e-9
_FIELDS = (
    *("score", "low", "high", "random_low", "random_high", "p"),
    *("effect", "random_effect", "effect_p"),
)
_TESTS = {"p": "adjusted", "effect_p": "effect_adjusted"}


@dataclass(frozen=True)
class ClassScore:
    """The score of one concept for one class; see ``TcavScores``."""

    score: float
    low: float
    high: float
    random_low: float
    random_high: float
    p: float
    effect: float
    random_effect: float
    effect_p: float


@dataclass(frozen=True)
class TcavScores:
    """Scores of ``m`` concepts for ``k`` classes, each ``[m, k]``, float64.

    Parameters
    ----------
    score
        The share of the class's test images whose logit for the class rises with the concept.
    low, high
        A 95 % interval over images.
    random_low, random_high
        The middle 95 % of the scores of random directions: those that are learned from the same
        examples with their labels exchanged. They are about 1/2 on average.
    p
        The share of random directions, and of the direction itself among them, whose score is as
        far from 1/2 as the concept's: a permutation test.
    effect
        How much the logit rises when an image moves by one standard deviation along the direction,
        by its gradient; the mean over the class's test images.
    random_effect
        The size that 95 % of the effects of random directions do not exceed.
    effect_p
        As ``p``, of the effect's size. Where the logits bend little, nearly all directions have
        scores near 0 or 1, and only the effects tell concepts from chance.
    adjusted, effect_adjusted
        ``p`` and ``effect_p`` adjusted to the number of tests, so that of the findings below 5 % no
        more than 5 % are expected to be false (Benjamini and Hochberg).
    """

    score: Values
    low: Values
    high: Values
    random_low: Values
    random_high: Values
    p: Values
    effect: Values
    random_effect: Values
    effect_p: Values
    adjusted: Values
    effect_adjusted: Values

    @property
    def found(self) -> NDArray[np.bool_]:
        """``[m, k]``, whether a score differs from those of random directions, at 5 %."""
        return np.asarray(self.adjusted < _LEVEL)

    @property
    def effects_found(self) -> NDArray[np.bool_]:
        """``[m, k]``, whether an effect is larger than those of random directions, at 5 %."""
        return np.asarray(self.effect_adjusted < _LEVEL)

    @classmethod
    def of(cls, concepts: Sequence[Sequence[ClassScore]]) -> Self:
        """Return the scores of concepts, for each of which there is a list by class."""
        table = {
            name: np.array([[getattr(one, name) for one in row] for row in concepts]).reshape(
                len(concepts), -1
            )
            for name in _FIELDS
        }
        return cls(**table, **{to: _adjusted(table[test]) for test, to in _TESTS.items()})

    def tensors(self) -> dict[str, Tensor]:
        """Return the tables by name, for a record."""
        return {
            name: torch.from_numpy(getattr(self, name)) for name in (*_FIELDS, *_TESTS.values())
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo ``tensors``."""
        return cls(**{name: tensors[name].numpy() for name in (*_FIELDS, *_TESTS.values())})


def class_score(rises: Tensor, sizes: Tensor) -> ClassScore:
    """Return the score of one concept for one class.

    Parameters
    ----------
    rises
        ``[n, 1 + r]``, the change of each image's logit along the concept's direction, and along
        random ones.
    sizes
        ``[1 + r]``, how far one standard deviation is along each direction, in that change.

    Notes
    -----
    Source: Kim et al., ICML 2018, sections 3.4 and 3.5. The paper compares scores of many
    directions that share their examples by a t-test, which takes them for independent; a
    permutation test does not need that. The effects are ours.
    """
    share = Estimate.share((rises[:, 0] > 0).cpu().numpy())
    random = (rises[:, 1:] > 0).double().mean(dim=0).cpu().numpy()
    low, high = np.quantile(random, (0.025, 0.975))
    effects = (rises.mean(dim=0) * sizes).cpu().numpy()
    sizes_by_chance = np.abs(effects[1:])
    assert share.low is not None and share.high is not None  # A share has an interval.
    return ClassScore(
        score=share.value,
        low=share.low,
        high=share.high,
        random_low=float(low),
        random_high=float(high),
        p=_share_as_large(np.abs(random - CHANCE), abs(share.value - CHANCE)),
        effect=float(effects[0]),
        random_effect=float(np.quantile(sizes_by_chance, 0.95)),
        effect_p=_share_as_large(sizes_by_chance, abs(float(effects[0]))),
    )


def _share_as_large(random: Values, value: float) -> float:
    """Return the share of values that are as large as one, which is counted itself."""
    return (1 + int((random >= value * (1 - _ROUNDING)).sum())) / (1 + len(random))


def _adjusted(p: Values) -> Values:
    flat = p.ravel()
    adjusted: Values = scipy.stats.false_discovery_control(flat) if flat.size else flat
    return adjusted.reshape(p.shape)
