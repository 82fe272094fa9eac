"""Faithfulness as dependence between explanations and what the classifier perceives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai.capabilities import Capability
from causalxai.explainer import ControlKind, Explanation
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.information import binned_dependence, boolean_coefficient, coefficient
from causalxai.metrics.resampling import Rows, halved, null_range
from causalxai.metrics.translation import to_concepts
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_IN_A_BIN = 5
_FEWEST_IMAGES = 2 * _IN_A_BIN
_TOLD_APART = 8

_Dependence = Callable[[NDArray[np.float64], NDArray[np.float64], bool], float]


class _Dependent(Metric):
    """The dependence between a concept's value and its importance, averaged over the concepts.

    The values are those that the concept space reads from the images: what the classifier
    perceives. Concepts that do not vary are left out; concepts whose importance does not vary
    count 0, and ``reason`` says how many there are. ``chance`` is the mean score of permuted
    explanations; its interval contains 95 % of the permutations. The interval of the score is
    computed from random halves of the images. The part ``adjusted`` is
    (score - chance) / (1 - chance): 0 by chance, and 1 at most. With up to eight concepts the
    score of each is a part, too.

    Dependence alone is not faithfulness: the values of the concepts themselves, or any invertible
    code of them, score 1. Read it beside ``interventional-faithfulness``.
    """

    higher_is_better = True
    value_range = (0.0, 1.0)
    requires = frozenset({Capability.CONCEPTS})
    about_concepts = True

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        permutations
            The number of permutations of the images, for the chance level.
        halves
            The number of random halves of the images, for the interval.
        """

        permutations: int = Field(default=50, ge=10)
        halves: int = Field(default=100, ge=20)

    config: Config

    @abstractmethod
    def _dependence(self, n: int, rng: np.random.Generator) -> _Dependence:
        """Return the dependence of two columns, for ``n`` images."""

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        n = len(explanation)
        if n < _FEWEST_IMAGES:
            raise MetricUndefinedError(
                f"dependence needs {_FEWEST_IMAGES} or more explanations to be estimated, not {n}"
            )
        space = inputs.need_space()
        attribution = to_concepts(explanation, inputs)
        values = inputs.explained_units(explanation).values.cpu()[:, attribution.places]
        concepts = [space.concepts[place] for place in attribution.places.tolist()]
        rng = numpy_generator(inputs.rng)
        every = _Columns(
            values.double().numpy(),
            attribution.importance.double().numpy(),
            tuple(concept.is_binary for concept in concepts),
            self._dependence(n, rng),
        )
        varying = every.varying()
        columns, images = every.only(varying), np.arange(n)
        score = halved(columns.mean, n, rng, draws=self.config.halves, bounds=self.value_range)
        permutations = (rng.permutation(n) for _ in range(self.config.permutations))
        chance = null_range([columns.mean(images, partners) for partners in permutations])
        parts = {"adjusted": _adjusted(score, chance)}
        if len(varying) <= _TOLD_APART:
            alone = {concepts[j].name: every.only([j]).mean(images) for j in varying}
            parts |= {name: Estimate(value, n=n) for name, value in alone.items()}
        remarks = [attribution.remark, _left_out(len(varying), len(concepts), columns.silent)]
        return MetricResult(
            self.name,
            estimate=score,
            chance=chance,
            parts=parts,
            read=AttributionSpace.CONCEPTS,
            translated=attribution.translated,
            reason="; ".join(remark for remark in remarks if remark),
        )


def _left_out(varying: int, concepts: int, silent: int) -> str:
    remarks = []
    if varying < concepts:
        remarks.append(f"left out: {concepts - varying} of {concepts} concepts do not vary")
    if silent:
        remarks.append(
            f"{silent} of {varying} have the same importance in all images and count as 0"
        )
    return "; ".join(remarks)


class Faithfulness(_Dependent):
    """GLANCE's faithfulness index with discrete entropies: normalised mutual information in bins.

    The paper's I(E'; Exps) / sqrt(H(E') H(Exps)) has no meaning with differential entropies,
    because they change with the unit. Here the ranks of each concept are put into bins of equal
    frequency, and information and entropies are computed from the bins; for boolean concepts the
    index is I / H(z). The estimate is above 0 even for independent columns: see ``chance``.
    """

    name = "faithfulness"
    reference = "GLANCE (arXiv 2207.01917), section 3.4, proposition 1; in bins of equal frequency"
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.RANDOM: (
            "The estimate is above 0 even without dependence: read both against chance."
        )
    }

    class Config(_Dependent.Config):
        """Settings.

        Parameters
        ----------
        bins
            The number of bins; fewer if a bin would have less than five images.
        permutations
            The number of permutations of the images, for the chance level.
        halves
            The number of random halves of the images, for the interval.
        """

        bins: int = Field(default=8, ge=2)

    config: Config

    def _dependence(self, n: int, rng: np.random.Generator) -> _Dependence:  # noqa: ARG002
        bins = max(2, min(self.config.bins, n // _IN_A_BIN))

        def dependence(
            value: NDArray[np.float64], importance: NDArray[np.float64], boolean: bool
        ) -> float:
            return binned_dependence(value, importance, bins, boolean=boolean)

        return dependence


class InformationCoefficient(_Dependent):
    """The coefficient of information: sqrt(1 - exp(-2 I)), I by nearest neighbours.

    It is computed from the normal scores of ranks, so that it does not depend on units. If both
    are jointly normal, it is the absolute correlation. For a boolean concept it is given as a
    share of its maximum.
    """

    name = "information-coefficient"
    reference = "Linfoot (1957); Kraskov, Stögbauer, Grassberger (2004)"

    class Config(_Dependent.Config):
        """Settings.

        Parameters
        ----------
        neighbours
            The number of neighbours of the estimator.
        permutations
            The number of permutations of the images, for the chance level.
        halves
            The number of random halves of the images, for the interval.
        """

        neighbours: int = Field(default=5, ge=1)

    config: Config

    def _dependence(self, n: int, rng: np.random.Generator) -> _Dependence:
        # Each half of the images needs enough neighbours as well.
        neighbours = min(self.config.neighbours, n // 2 - 1)
        seed = int(rng.integers(2**31))

        def dependence(
            value: NDArray[np.float64], importance: NDArray[np.float64], boolean: bool
        ) -> float:
            estimate = boolean_coefficient if boolean else coefficient
            return estimate(value, importance, neighbours, seed)

        return dependence


@dataclass(frozen=True)
class _Columns:
    """Values and importances ``[n, d]``, and how they depend on one another."""

    values: NDArray[np.float64]
    importance: NDArray[np.float64]
    boolean: tuple[bool, ...]
    dependence: _Dependence

    def only(self, concepts: list[int]) -> _Columns:
        """Return some of the concepts."""
        boolean = tuple(self.boolean[j] for j in concepts)
        return _Columns(
            self.values[:, concepts], self.importance[:, concepts], boolean, self.dependence
        )

    @property
    def silent(self) -> int:
        """The number of concepts with the same importance in all images."""
        return int((np.ptp(self.importance, axis=0) == 0).sum())

    def varying(self) -> list[int]:
        """Return the concepts whose value varies.

        Raises
        ------
        MetricUndefinedError
            If there is none.
        """
        varying = np.flatnonzero(np.ptp(self.values, axis=0) > 0)
        if not varying.size:
            raise MetricUndefinedError(
                "dependence has no meaning here: each concept has the same value in all images"
            )
        return [int(j) for j in varying]

    def mean(self, rows: Rows, partners: Rows | None = None) -> float:
        """Return the mean dependence over some images, each with a partner's explanation."""
        others = rows if partners is None else partners
        each = [
            self._of(self.values[rows, j], self.importance[others, j], boolean)
            for j, boolean in enumerate(self.boolean)
        ]
        known = [score for score in each if np.isfinite(score)]
        return float(np.mean(known)) if known else float("nan")

    def _of(
        self, value: NDArray[np.float64], importance: NDArray[np.float64], boolean: bool
    ) -> float:
        if np.ptp(value) == 0:
            return float("nan")
        # A column that does not vary has no dependence.
        return self.dependence(value, importance, boolean) if np.ptp(importance) > 0 else 0.0


def _adjusted(score: Estimate, chance: Estimate) -> Estimate:
    """Return the score above chance, as a share of what is left above it (Vinh et al., 2010)."""
    left = 1 - chance.value

    def above(value: float) -> float:
        return (value - chance.value) / left if left > 0 else 0.0

    low, high = (None if end is None else above(end) for end in (score.low, score.high))
    return Estimate(above(score.value), low, high, score.n)
