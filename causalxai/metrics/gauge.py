"""Gauges: independent measurements of the concepts after an oracle's interventions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.metric import ScoringInputs
from causalxai.metrics.concept_readers import ConceptReaders
from causalxai.metrics.pictures import pictures
from causalxai.metrics.rendered import recognised
from causalxai.oracle import Oracle


@dataclass(frozen=True)
class Gauge:
    """Measures the concepts of some individuals after interventions.

    Parameters
    ----------
    names
        The ``m`` concepts that are measured.
    by
        In words, what measures them.
    after
        Returns ``[q, n, m]`` float64 on the CPU, the concepts after ``q`` interventions; nan where
        there is nothing to measure.
    """

    names: tuple[str, ...]
    by: str
    after: Callable[[Intervention], Tensor]


def best_gauge(inputs: ScoringInputs, units: Units, images: Tensor) -> Gauge:
    """Return the most independent gauge that can measure a concept of the run's space.

    These are, in this order: the ruler of the data set's renderer; readers that are trained on
    images; the oracle's own readback. The first two measure the oracle's pictures.

    Parameters
    ----------
    inputs
        The inputs of the metric.
    units, images
        The ``n`` individuals that are intervened on, and their images.

    Raises
    ------
    CapabilityError
        If none can measure a concept of the space.
    """
    oracle = inputs.need_oracle()
    wanted = set(oracle.space.names())
    if Capability.IMAGES in oracle.capabilities and wanted & set(inputs.dataset.concept_names):
        if inputs.dataset.renderer is not None:
            return _ruler(inputs, oracle, units, images)
        if inputs.dataset.train.concepts is not None and inputs.dataset.test.concepts is not None:
            gauge = _readers(inputs, oracle, units)
            if wanted & set(gauge.names):
                return gauge
    if Capability.READBACK in oracle.capabilities:
        return _readback(oracle, units)
    raise CapabilityError(
        "no concept of the run can be measured after an intervention: neither does the data set's "
        "ruler or its labels know one of them, nor does the oracle read them back"
    )


def _ruler(inputs: ScoringInputs, oracle: Oracle, units: Units, images: Tensor) -> Gauge:
    renderer, individuals = recognised(inputs.dataset, images)

    def after(done: Intervention) -> Tensor:
        return renderer.measure(individuals, pictures(oracle, units, done)).cpu().double()

    names = tuple(concept.name for concept in renderer.concepts)
    return Gauge(names, "the data set's ruler", after)


def _readers(inputs: ScoringInputs, oracle: Oracle, units: Units) -> Gauge:
    readers = ConceptReaders.train(inputs.classifier, inputs.dataset, inputs.rng)

    def after(done: Intervention) -> Tensor:
        shown = pictures(oracle, units, done)
        found: Tensor = readers.read(shown.flatten(0, 1)).unflatten(0, shown.shape[:2])
        return found

    worst = f" (R² {min(readers.r2):.2f} or more on test images)" if readers.r2 else ""
    unread = f"; they cannot read {', '.join(readers.unread)}" if readers.unread else ""
    return Gauge(readers.names, f"readers trained on images{worst}{unread}", after)


def _readback(oracle: Oracle, units: Units) -> Gauge:
    def after(done: Intervention) -> Tensor:
        answer = oracle.query(units, done, want=("readback",)).answer("readback")
        return answer.cpu().to(torch.float64)

    return Gauge(oracle.space.names(), "the oracle's own readback", after)
