"""Intervention validity: whether the rendered images show the values that do() set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.explainer import Explanation
from causalxai.intervals import Bounds
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.random_changes import values_of_others
from causalxai.metrics.resampling import Rows, bootstrapped
from causalxai.metrics.translation import MOST_RENDERED, wanted_places
from causalxai.oracle import Oracle, Want
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_TOLD_APART = 8
_HALF = 0.5
_RANGE: Bounds = (None, 1.0)


class InterventionValidity(Metric):
    """How well the readback after an intervention agrees with the values that do() set.

    Each concept of each image is set to values of other images. The score is 1 minus the mean
    squared error of the readback divided by the variance of the values that were set (R², 1 at
    most); for boolean concepts it is the share of flips that are read back. It is averaged over
    the concepts. ``chance`` uses the readback of another image. The control ``do() ignored``
    leaves each image as it is. The parts are, for up to eight concepts each, R² and the own
    effect: the change of the readback for one unit that is set. Concepts that do not vary over
    these images, and those after the 64th, are left out and counted.

    The metric scores the oracle. Of the explanation it uses only the images.
    """

    name = "intervention-validity"
    higher_is_better = True
    value_range = _RANGE
    reference = "causalxai; composition and effectiveness of Monteiro et al. (2023), section 3"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.READBACK})
    about_concepts = True

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images.
        values
            The number of values to which each continuous concept of an image is set.
        """

        images: int = Field(default=50, ge=2)
        values: PositiveInt = 3

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        oracle = inputs.need_oracle()
        every = [
            place
            for place in wanted_places(oracle.space, inputs.dataset.concept_names)
            if oracle.space.concepts[place].is_measured
        ]
        places = every[:MOST_RENDERED]
        if not places:
            raise MetricUndefinedError("parameters have no readback to compare with")
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        units, n = inputs.explained_units(explanation)[rows], len(rows)
        if n < 2:
            raise MetricUndefinedError(
                "concepts are set to the values of other images, which takes two or more images"
            )
        obeyed = {}
        for place in places:
            concept = oracle.space.concepts[place]
            own = units.values[:, place]
            set_to = values_of_others(concept, own, self.config.values, inputs.rng)
            answer = Obedience.of(oracle, units, place, set_to)
            if answer.spread > 0:
                obeyed[concept.name] = answer
        result = obedience_result(self.name, obeyed, n, numpy_generator(inputs.rng))
        return replace(result, reason=_left_out(len(every), len(places), len(obeyed)))


def _left_out(total: int, asked: int, varying: int) -> str:
    remarks = []
    if asked < total:
        remarks.append(
            f"left out: {total - asked} of {total} concepts, all beyond the first {asked}"
        )
    if varying < asked:
        remarks.append(f"left out: {asked - varying} of {asked} concepts do not vary")
    return "; ".join(remarks)


@dataclass(frozen=True)
class Obedience:
    """What was set and what was read of one concept, each ``[v, n]``; ``before`` is ``[n]``."""

    own: NDArray[np.float64]
    before: NDArray[np.float64]
    set_to: NDArray[np.float64]
    read: NDArray[np.float64]
    boolean: bool

    @classmethod
    def of(cls, oracle: Oracle, units: Units, place: int, set_to: Tensor) -> Obedience:
        """Ask an oracle's readback of the concept at ``place`` when values ``[v, n]`` are set."""
        v = len(set_to)
        done = Intervention.set(torch.full((v, 1), place), set_to[..., None].to(units.values))
        ask: tuple[Want, ...] = ("readback",)
        nothing = oracle.query(units, Intervention.none(), want=ask).answer("readback")
        read = oracle.query(units, done, want=ask).answer("readback")[..., place]
        return cls(
            own=_array(units.values[:, place]),
            before=_array(nothing[0, :, place]),
            set_to=_array(set_to),
            read=_array(read),
            boolean=oracle.space.concepts[place].is_binary,
        )

    @property
    def spread(self) -> float:
        """The variance of what was set."""
        return float(self.set_to.var())

    def score(self, read: NDArray[np.float64], images: Rows) -> float:
        """Return R² of some images' readings, for a boolean concept the share that is right."""
        set_to, read = self.set_to[:, images], read[:, images]
        if self.boolean:
            return float(((read > _HALF) == (set_to > _HALF)).mean())
        return float(1 - ((read - set_to) ** 2).mean() / self.spread)

    def own_effect(self, images: Rows) -> float:
        """Return the change of the readback for one unit that is set, by least squares."""
        moved = (self.read - self.before)[:, images]
        asked = (self.set_to - self.own)[:, images]
        scale = float((asked**2).sum())
        return float((moved * asked).sum()) / scale if scale > 0 else float("nan")


def obedience_result(
    name: str, obeyed: Mapping[str, Obedience], n: int, rng: np.random.Generator
) -> MetricResult:
    """Return the score of concepts that were set, with its chance level, control and parts.

    Parameters
    ----------
    name
        The name of the metric.
    obeyed
        What was set and measured of each concept, by name.
    n
        The number of images.
    rng
        The generator of resamples.

    Raises
    ------
    MetricUndefinedError
        If there is no concept.
    """
    if not obeyed:
        raise MetricUndefinedError(
            "no concept varies over these images, so there are no other values to set"
        )
    swapped = rng.permutation(n)
    ways: dict[str, Callable[[Obedience], NDArray[np.float64]]] = {
        "score": lambda one: one.read,
        "chance": lambda one: one.read[:, swapped],
        "ignored": lambda one: np.broadcast_to(one.before, one.read.shape),
    }

    def mean(way: str) -> Estimate:
        read = {concept: ways[way](one) for concept, one in obeyed.items()}
        return bootstrapped(
            lambda images: float(
                np.mean([one.score(read[concept], images) for concept, one in obeyed.items()])
            ),
            n,
            rng,
            bounds=_RANGE,
        )

    parts = {}
    for concept, one in list(obeyed.items())[:_TOLD_APART]:
        kind = "flips obeyed" if one.boolean else "R²"
        parts[f"{kind}: {concept}"] = bootstrapped(
            partial(one.score, one.read), n, rng, bounds=_RANGE
        )
        effect = bootstrapped(one.own_effect, n, rng)
        if np.isfinite(effect.value):
            parts[f"own effect: {concept}"] = effect
    return MetricResult(
        name,
        estimate=mean("score"),
        chance=mean("chance"),
        parts=parts,
        controls={"do() ignored": mean("ignored")},
    )


def _array(tensor: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = tensor.cpu().double().numpy()
    return array
