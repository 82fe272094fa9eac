"""Effectiveness: whether do() changes the picture as it says, and nothing else in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.composition import AXIOMS
from causalxai.metrics.gauge import Gauge, best_gauge
from causalxai.metrics.intervention_validity import Obedience, obedience_result
from causalxai.metrics.random_changes import ChangesConfig, RandomChanges
from causalxai.seeding import numpy_generator

_TOLD_APART = 8
_ROUNDING = 1e-5


class Effectiveness(Metric):
    """Whether the pictures after an intervention show the values that do() set.

    Each concept of each image is set to its value in another image, a boolean one to the opposite.
    The concepts of the oracle's pictures are measured by something that knows nothing of the
    oracle: the ruler of the data set's renderer, or else readers that are trained on images with
    labels. Only where neither knows a concept of the run, the oracle's own readback is taken.
    ``reason`` says which.

    The score is 1 minus the mean squared error of what is measured, divided by the variance of the
    values that were set (R², 1 at most); for boolean concepts it is the share of flips that are
    seen. It is averaged over the concepts. ``chance`` measures another image's picture. The control
    ``do() ignored`` measures the picture with nothing done.

    Parts, beside R² and the own effect of up to eight concepts: ``leakage``, by how many standard
    deviations a measured concept changes although the oracle says that it is held, on average over
    pairs of an intervention and another concept, a boolean concept counting 1 if it changes; the
    same for single concepts that are set, ``leakage of ...``. Where nothing is held, because
    everything follows or only one concept is measured, there is no leakage to tell.

    The metric scores the oracle. Of the explanation it uses only the images.
    """

    name = "effectiveness"
    higher_is_better = True
    value_range = (None, 1.0)
    reference = f"{AXIOMS}, section 3"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})
    about_concepts = True

    Config = ChangesConfig
    config: ChangesConfig

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        changes = RandomChanges.draw(explanation, inputs, self.config)
        gauge = best_gauge(inputs, changes.units, explanation.images[changes.rows])
        found = _Found.by(gauge, changes)
        if not found.obeyed:
            raise MetricUndefinedError(
                f"{gauge.by} does not measure one of the concepts that vary over these images"
            )
        rng = numpy_generator(inputs.rng)
        result = obedience_result(self.name, found.obeyed, len(changes.rows), rng)
        remarks = [f"measured by {gauge.by}", changes.remark]
        return replace(
            result,
            parts={**result.parts, **_leakages(found.leaked, rng)},
            reason="; ".join(remark for remark in remarks if remark),
        )


@dataclass(frozen=True)
class _Found:
    """What was measured of the concepts that were set, and of those that were held."""

    obeyed: dict[str, Obedience] = field(default_factory=dict)
    leaked: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def by(cls, gauge: Gauge, changes: RandomChanges) -> _Found:
        oracle, units, found = changes.oracle, changes.units, cls()
        names = oracle.space.names()
        before = gauge.after(Intervention.none())[0]
        for place, new, done in changes.each():
            concept = oracle.space.concepts[place]
            read = gauge.after(done)[0]
            if concept.name in gauge.names:
                column = gauge.names.index(concept.name)
                answer = Obedience(
                    own=units.values[:, place].cpu().double().numpy(),
                    before=_measured(before[:, column], new),
                    set_to=new[None].double().numpy(),
                    read=_measured(read[:, column], new)[None],
                    boolean=concept.is_binary,
                )
                found.obeyed[concept.name] = answer
            states = oracle.states(units, done)[0].cpu().double()
            moved = (states - units.values.cpu().double()).abs()
            leaks = [
                _leak(before[:, column], read[:, column], moved[:, names.index(other)])
                for column, other in enumerate(gauge.names)
                if other != concept.name and other in names
            ]
            if leaks:
                mean = torch.stack(leaks).nanmean(dim=0)
                found.leaked[concept.name] = mean.numpy()
        return found


def _measured(values: Tensor, set_to: Tensor) -> NDArray[np.float64]:
    """Return measured values ``[n]``; where there are none, the mean of those that were set."""
    known = torch.where(values.isnan(), set_to.double().mean(), values.double())
    array: NDArray[np.float64] = known.numpy()
    return array


def _leak(before: Tensor, after: Tensor, moved: Tensor) -> Tensor:
    """Return by how many standard deviations a concept changed, ``[n]``; nan where it follows."""
    spread = before[~before.isnan()].std(correction=0)
    change = (after - before).abs() / (spread if float(spread) > 0 else 1.0)
    if bool(torch.isin(before, torch.tensor([0.0, 1.0]).double()).all()):
        change = (after != before).double()
    held = moved <= _ROUNDING * float(moved.max().clamp(min=1.0))
    return torch.where(held, change, float("nan"))


def _leakages(
    leaked: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> dict[str, Estimate]:
    """Return the mean leakage over concepts, and that of single ones that were set."""
    with np.errstate(invalid="ignore"):
        known = {name: values[np.isfinite(values)] for name, values in leaked.items()}
    known = {name: values for name, values in known.items() if len(values)}
    if not known:
        return {}
    every = np.stack(list(leaked.values()))
    counted = np.isfinite(every).any(axis=0)
    each = np.nanmean(every[:, counted], axis=0)
    parts = {"leakage": Estimate.mean(each, rng, bounds=(0.0, None))}
    for name, values in list(known.items())[:_TOLD_APART]:
        parts[f"leakage of {name}"] = Estimate.mean(values, rng, bounds=(0.0, None))
    return parts
