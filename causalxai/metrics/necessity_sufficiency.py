"""Necessity and sufficiency: whether the concepts that are named decide the prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Concept, Units
from causalxai.explainer import ControlKind, Explanation
from causalxai.intervention import Action, Intervention
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.translation import MOST_RENDERED, to_concepts
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_GUESSES = 10


class NecessitySufficiency(Metric):
    """Whether the concepts with the largest importances decide what the classifier predicts.

    The half of the concepts with the largest absolute importances is the set that an explanation
    names. *Necessity* is how often the oracle's prediction changes when these concepts are changed,
    with all that follows, each against its importance: down where it supports the class, up where
    it opposes it; a boolean concept is flipped. *Sufficiency* is how often the prediction stays
    when all other concepts are changed, up or down at random, while these are held at their own
    values. The score is the mean of the two, averaged over images.

    ``chance`` is the score of random normal importances, drawn ten times. The control ``least
    important`` names the concepts with the smallest absolute importances instead. The parts are
    ``necessity`` and ``sufficiency``.

    A continuous concept moves by ``units`` standard deviations. Importances are about the logit of
    the target class: a concept that raises all logits alike can be important, and yet neither
    necessary nor sufficient for the prediction.
    """

    name = "necessity-sufficiency"
    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = (
        "Watson, Gultchin, Taly, Floridi (2021): Local explanations via necessity and sufficiency, "
        "UAI; Galhotra, Pradhan, Salimi (2021): LEWIS, SIGMOD"
    )
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})
    about_concepts = True
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.CONSTANT: (
            "It names the first half of the concepts. Where these are the important ones by "
            "accident, or where every concept or none changes the prediction, that is as good."
        )
    }

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images.
        units
            How far a continuous concept moves, in its own units (standard deviations).
        draws
            How often the other concepts are changed at random.
        """

        images: PositiveInt = 50
        units: float = Field(default=2.0, gt=0)
        draws: PositiveInt = 4

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        attribution = to_concepts(explanation, inputs)
        d = len(attribution.places)
        if not 2 <= d <= MOST_RENDERED:
            raise MetricUndefinedError(
                f"half of the concepts are named, which takes 2 to {MOST_RENDERED}; there are {d}"
            )
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        importance = attribution.importance[rows]
        trial = _Trial.about(explanation, rows, attribution.places, inputs, self.config)
        rng = numpy_generator(inputs.rng)
        guesses = torch.randn(_GUESSES, *importance.shape, generator=inputs.rng)
        size = d // 2
        order = importance.abs().argsort(dim=1, descending=True, stable=True)
        necessary, sufficient = trial.ask(importance, order[:, :size])
        least = trial.ask(importance, order[:, d - size :])
        by_chance = [
            _both(trial.ask(guess, guess.abs().argsort(dim=1, descending=True)[:, :size]))
            for guess in guesses
        ]

        def mean(each: NDArray[np.float64]) -> Estimate:
            return Estimate.mean(each, rng, bounds=self.value_range)

        return MetricResult(
            self.name,
            estimate=mean((necessary + sufficient) / 2),
            chance=mean(np.mean(by_chance, axis=0)),
            parts={"necessity": mean(necessary), "sufficiency": mean(sufficient)},
            controls={"least important": mean(_both(least))},
            read=AttributionSpace.CONCEPTS,
            translated=attribution.translated,
            reason=attribution.remark,
        )


_Answers = tuple[NDArray[np.float64], NDArray[np.float64]]


def _both(answers: _Answers) -> NDArray[np.float64]:
    return (answers[0] + answers[1]) / 2


@dataclass(frozen=True)
class _Trial:
    """The images whose concepts are changed.

    ``values`` ``[n, d]`` are those of the concepts at ``places``; ``up`` ``[draws, n, d]`` says
    where each of the others goes, the same for all explanations that are compared.
    """

    oracle: Oracle
    units: Units
    places: Tensor
    concepts: tuple[Concept, ...]
    values: Tensor
    up: Tensor
    reach: float
    predicted: Tensor

    @classmethod
    def about(
        cls,
        explanation: Explanation,
        rows: Tensor,
        places: Tensor,
        inputs: ScoringInputs,
        config: NecessitySufficiency.Config,
    ) -> _Trial:
        oracle = inputs.need_oracle()
        units = inputs.explained_units(explanation)[rows]
        values = units.values.cpu().float()[:, places]
        up = torch.rand(config.draws, *values.shape, generator=inputs.rng) < 0.5
        nothing = oracle.query(units, Intervention.none()).answer("logits")[0]
        concepts = tuple(oracle.space.concepts[place] for place in places.tolist())
        predicted = nothing.argmax(dim=1).cpu()
        return cls(oracle, units, places, concepts, values, up, config.units, predicted)

    def ask(self, importance: Tensor, named: Tensor) -> _Answers:
        """Return each image's necessity and sufficiency, ``[n]``, of concepts ``[n, k]``."""
        is_named = torch.zeros_like(self.values).bool().scatter(1, named, True)
        kept = self._stays_without(is_named, self._moved(importance < 0))
        # Every concept is a target, so that the named ones are held.
        others = [torch.where(is_named, self.values, self._moved(up)) for up in self.up]
        logits = self._logits(self.units, self.places, torch.stack(others))
        stays = (logits.argmax(dim=2) == self.predicted).double().mean(dim=0)
        return 1 - kept.numpy(), stays.numpy()

    def _stays_without(self, is_named: Tensor, moved: Tensor) -> Tensor:
        """Return whether the prediction stays when the named concepts take the values ``moved``.

        The others follow where the oracle says so, and are no targets. As an intervention has the
        same targets in all units, images for which the same concepts are named are asked together.
        """
        kept = torch.empty(len(is_named)).double()
        for chosen in is_named.unique(dim=0):
            rows = (is_named == chosen).all(dim=1).nonzero()[:, 0]
            values = moved[rows][:, chosen][None]
            logits = self._logits(self.units[rows], self.places[chosen], values)[0]
            kept[rows] = (logits.argmax(dim=1) == self.predicted[rows]).double()
        return kept

    def _moved(self, up: Tensor) -> Tensor:
        """Return the values ``[n, d]`` after each concept is changed, up or down."""
        moved = torch.empty_like(self.values)
        for column, concept in enumerate(self.concepts):
            own = self.values[:, column]
            if concept.action is Action.SHIFT:
                amount = self.reach * (concept.scale or 1.0)
                moved[:, column] = torch.where(
                    up[:, column],
                    concept.moved(own, own.new_full((), amount)),
                    concept.moved(own, own.new_full((), -amount)),
                )
            else:
                moved[:, column] = concept.unit_change(own).set_to
        return moved

    def _logits(self, units: Units, targets: Tensor, values: Tensor) -> Tensor:
        """Return the logits ``[q, n, K]`` when the targets ``[k]`` have values ``[q, n, k]``."""
        done = Intervention.set(targets.expand(len(values), -1), values)
        return self.oracle.query(units, done).answer("logits").cpu()
