"""How well a direction tells its concept, on examples that it was not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import scipy
from torch import Tensor

from causalxai.errors import DataError
from causalxai.metric import Estimate
from causalxai.storage.record import Json


@dataclass(frozen=True)
class DirectionQuality:
    """What is told of the direction of one concept.

    Parameters
    ----------
    name
        The concept's name.
    boolean
        Whether the concept is either there or not.
    learned_from
        The number of examples that the direction was learned from.
    held_out
        Of a boolean concept the accuracy on other examples, half of which have it; of another the
        correlation of its values with the positions along the direction.
    without
        What the images without the concept were, in words; empty if there were none.
    """

    name: str
    boolean: bool
    learned_from: int
    held_out: Estimate
    without: str

    @property
    def chance(self) -> float:
        """What a direction that tells nothing has: an accuracy of 1/2, or no correlation."""
        return 0.5 if self.boolean else 0.0

    @property
    def measure(self) -> str:
        """The name of the measure."""
        return "accuracy" if self.boolean else "correlation"

    @property
    def tells(self) -> bool:
        """Whether the direction tells more of the concept than chance, by the interval."""
        return self.held_out.low is not None and self.held_out.low > self.chance

    def to_json(self) -> dict[str, Json]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``to_json``."""
        return cls(**{**data, "held_out": Estimate(**data["held_out"])})


def accuracy_of(learned: tuple[Tensor, Tensor], held_out: tuple[Tensor, Tensor]) -> Estimate:
    """Return the accuracy of the threshold in the middle between the learned examples' means.

    Parameters
    ----------
    learned, held_out
        The positions along the direction ``[n]``, and 1 with the concept, 0 without it ``[n]``.
    """
    positions, target = learned
    middle = (positions[target == 1].mean() + positions[target == 0].mean()) / 2
    positions, target = held_out
    return Estimate.share(((positions > middle) == (target == 1)).cpu().numpy())


def correlation_of(positions: Tensor, values: Tensor, name: str) -> Estimate:
    """Return the correlation of positions along a direction with the concept's values, ``[n]``.

    Raises
    ------
    DataError
        If one of the two is constant.
    """
    if float(positions.std()) == 0 or float(values.std()) == 0:
        raise DataError(f"concepts: {name!r}, or the layer along its direction, does not vary")
    found = scipy.stats.pearsonr(positions.cpu().numpy(), values.cpu().numpy())
    interval = found.confidence_interval(0.95)
    return Estimate(
        float(found.statistic), float(interval.low), float(interval.high), len(positions)
    )
