"""Random interventions: concepts of images are set to the values that they have in others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.explainer import Explanation
from causalxai.intervention import Intervention
from causalxai.metric import MetricUndefinedError, ScoringInputs
from causalxai.metrics.pictures import other_images
from causalxai.metrics.translation import wanted_places
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig


class ChangesConfig(PluginConfig):
    """The settings of metrics that change concepts of images at random.

    Parameters
    ----------
    images
        The maximum number of images.
    concepts
        The maximum number of concepts; of more, some are drawn at random.
    """

    images: int = Field(default=50, ge=2)
    concepts: PositiveInt = 16


def values_of_others(concept: Concept, own: Tensor, draws: int, rng: torch.Generator) -> Tensor:
    """Return other values of a concept: the opposite, or what other images have.

    Parameters
    ----------
    concept
        The concept.
    own
        ``[n]``, its values in two or more images.
    draws
        How many values a continuous concept of an image gets.
    rng
        Draws the other images.

    Returns
    -------
    Tensor
        ``[v, n]`` on the CPU; v is 1 for a boolean concept, else ``draws``.
    """
    own = own.cpu()
    if concept.is_binary:
        return 1 - own[None]
    return torch.stack([own[other_images(len(own), rng)] for _ in range(draws)])


@dataclass(frozen=True)
class RandomChanges:
    """One intervention on each concept of each image.

    Parameters
    ----------
    oracle
        The oracle that answers.
    rows
        ``[n]``, which of the explained images are changed.
    units
        These ``n`` images, as the space reads them.
    places
        The ``m`` concepts that are changed, by their places in the space.
    set_to
        ``[m, n]``, their new values.
    remark
        Which concepts were left out; empty if none were.
    """

    oracle: Oracle
    rows: Tensor
    units: Units
    places: tuple[int, ...]
    set_to: Tensor
    remark: str

    @classmethod
    def draw(
        cls, explanation: Explanation, inputs: ScoringInputs, limits: ChangesConfig
    ) -> RandomChanges:
        """Draw images, concepts and their new values.

        Concepts that have labels in the data set come before all others. Concepts that do not vary
        over the images are left out.

        Parameters
        ----------
        explanation, inputs
            What a metric is given.
        limits
            How many images and concepts are drawn.

        Raises
        ------
        MetricUndefinedError
            If there are fewer than two images, or no concept that varies.
        """
        oracle, rng = inputs.need_oracle(), inputs.rng
        rows = torch.randperm(len(explanation), generator=rng)[: limits.images]
        if len(rows) < 2:
            raise MetricUndefinedError(
                "concepts are set to the values of other images, which takes two or more images"
            )
        units = inputs.explained_units(explanation)[rows]
        every = [
            place
            for place in wanted_places(oracle.space, inputs.dataset.concept_names)
            if oracle.space.concepts[place].is_measured
        ]
        drawn_at = torch.randperm(len(every), generator=rng)[: limits.concepts]
        chosen = [every[at] for at in sorted(drawn_at.tolist())]
        drawn = {
            place: values_of_others(oracle.space.concepts[place], units.values[:, place], 1, rng)[0]
            for place in chosen
        }
        varying = {place: new for place, new in drawn.items() if bool(_vary(units, place, new))}
        if not varying:
            raise MetricUndefinedError(
                "no concept varies over these images, so there are no other values to set"
            )
        remarks = []
        if len(chosen) < len(every):
            remarks.append(
                f"left out: {len(every) - len(chosen)} of {len(every)} concepts, drawn at random"
            )
        if len(varying) < len(chosen):
            still = len(chosen) - len(varying)
            remarks.append(f"left out: {still} of {len(chosen)} concepts do not vary")
        new = torch.stack(list(varying.values()))
        return cls(oracle, rows, units, tuple(varying), new, "; ".join(remarks))

    def each(self) -> Iterator[tuple[int, Tensor, Intervention]]:
        """Yield the place of each concept, its new values ``[n]``, and the intervention."""
        for place, new in zip(self.places, self.set_to, strict=True):
            yield place, new, self.setting(place, new)

    def undoing(self, place: int) -> Intervention:
        """Return the intervention that sets a concept to the values that it had before."""
        return self.setting(place, self.units.values[:, place].cpu())

    @staticmethod
    def setting(place: int, values: Tensor) -> Intervention:
        """Return the intervention that sets the concept at ``place`` to values ``[n]``."""
        return Intervention.set(torch.tensor([[place]]), values[None, :, None])


def _vary(units: Units, place: int, new: Tensor) -> Tensor:
    return (new != units.values[:, place].cpu()).any()
