"""Learns the direction of one concept, tells how well it does, and scores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.image_data.stratified import stratified_split
from causalxai_activations.direction import dual_weights, permuted_targets, unit_directions
from causalxai_activations.direction_quality import (
    DirectionQuality,
    accuracy_of,
    correlation_of,
)
from causalxai_activations.examples import Examples
from causalxai_activations.tcav_scores import ClassScore, class_score

_HELD_OUT = 1 / 3
_SMALLEST = 1e-24


@dataclass(frozen=True)
class Learned:
    """What was learned of one concept.

    Parameters
    ----------
    direction
        ``[width]``, of length 1.
    quality
        How well it tells the concept.
    scores
        Its TCAV score for each class.
    """

    direction: Tensor
    quality: DirectionQuality
    scores: list[ClassScore]


def learn_direction(
    examples: Examples,
    activations: Tensor,
    gradients: Sequence[Tensor],
    *,
    ridge: float,
    controls: int,
    rng: torch.Generator,
) -> Learned:
    """Learn from two thirds of the examples, and test on the rest.

    Parameters
    ----------
    examples
        With and without the concept.
    activations
        ``[n, width]``, the layer's for the examples' images.
    gradients
        For each class, those of its logit for its test images, ``[n', width]``.
    ridge
        The penalty of the regression; see ``dual_weights``.
    controls
        The number of random directions.
    rng
        The generator of the division of the examples and of the random directions.
    """
    target = examples.target
    learned, held_out = _divided(examples, rng)
    targets = torch.cat(
        [target[learned, None], permuted_targets(target[learned], controls, rng)], dim=1
    ).to(activations.device)
    shown = activations[learned]
    weights = dual_weights(shown, targets, ridge=ridge)
    direction = unit_directions(shown, weights[:, :1])[0]
    positions = (activations.double() @ direction).cpu()
    if examples.boolean:
        told = accuracy_of(
            (positions[learned], target[learned]), (positions[held_out], target[held_out])
        )
    else:
        told = correlation_of(positions[held_out], target[held_out], examples.name)
    sizes = _sizes(shown, activations[held_out], weights)
    # The change along each direction, without a direction for every control in memory.
    scores = [class_score((some @ shown.T).double() @ weights, sizes) for some in gradients]
    quality = DirectionQuality(
        examples.name, examples.boolean, len(learned), told, examples.without
    )
    return Learned(direction.float(), quality, scores)


def _sizes(shown: Tensor, held_out: Tensor, weights: Tensor) -> Tensor:
    """Return the standard deviation of held-out examples along directions, ``[t]``.

    It is in units of the directions, whose lengths are those that the weights give them.
    """
    squared = (weights * ((shown @ shown.T).double() @ weights)).sum(dim=0)
    positions = (held_out @ shown.T).double() @ weights
    return positions.std(dim=0) / squared.clamp(min=_SMALLEST)


def _divided(examples: Examples, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    if examples.boolean:
        return stratified_split(examples.target.long(), _HELD_OUT, rng)
    order = torch.randperm(len(examples.target), generator=rng)
    count = round(_HELD_OUT * len(order))
    return order[count:], order[:count]
