"""Interventional faithfulness: whether do() has the effects that explanations claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import UnitChange, Units, unit_changes
from causalxai.explainer import ControlKind, Explanation
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.translation import ConceptAttribution, to_concepts
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_LARGEST_SUBSET = 64
_ROUNDING = 1e-6
_EXACT = 0.9999
_GUESSES = 20
_SINGLE = "oracle's single effects"


class InterventionalFaithfulness(Metric):
    """Rank correlation between the effects that an explanation claims and those that do() has.

    Random subsets of the concepts of each image are changed: continuous concepts are shifted by
    one unit (a standard deviation) up or down, boolean ones flipped, parameters removed. The
    explainer has not seen these interventions. The claimed effect is the sum of the subset's
    importances, each with the sign of its change; the shown effect is the change of the target's
    logit in the oracle's answer. The score is Spearman's correlation of the two over the subsets,
    averaged over images.

    ``chance`` is the score of random normal importances, drawn twenty times. The part
    ``others held`` holds the concepts outside the subset at their own values: it favours
    explanations of direct effects, whereas the score includes all consequences of an intervention.
    Images in which all subsets have the same shown effect are left out and counted; images in
    which all have the same claimed effect count 0.

    ``controls``: ``concepts exchanged`` assigns the importances of each image to other concepts,
    which changes little if there are only two. ``oracle's single effects`` claims for each subset
    the sum of the oracle's answers to its members alone. It is below 1 if effects do not add up,
    for example if a subset contains a cause and its effect. If it is 1, they add up, and an
    explainer that only lists the oracle's answers scores 1.
    """

    name = "interventional-faithfulness"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    reference = "Bhatt, Weller, Moura (2020), faithfulness correlation; here over do() of concepts"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})
    about_concepts = True
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.CONSTANT: (
            "It claims that more of any concept supports the class as much as more of any other. "
            "Where do() bears out the sign, that may be most of the order."
        )
    }
    contrasting_part = "others held"

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        subsets
            The number of subsets for each image.
        images
            The maximum number of images.
        held
            Whether to ask also with the other concepts held, which doubles the queries.

        With more than 64 concepts, neither that part nor the single effects are computed.
        """

        subsets: int = Field(default=32, ge=5)
        images: PositiveInt = 50
        held: bool = True

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        attribution = to_concepts(explanation, inputs)
        if len(attribution.places) < 2:
            raise MetricUndefinedError(
                "subsets of a single concept cannot be compared; two or more concepts are needed"
            )
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        importance = attribution.importance[rows]
        query = _Query.about(explanation, rows, attribution.places, inputs)
        subsets = _Subsets.draw(self.config.subsets, len(attribution.places), inputs.rng)
        guesses = torch.randn(_GUESSES, *importance.shape, generator=inputs.rng)
        exchanged = _handed_around(importance, inputs.rng)
        trial = _Trial(query, subsets, query.effects(subsets), numpy_generator(inputs.rng))
        if not trial.informative.any():
            raise MetricUndefinedError(
                "there are no effects to compare: in each image all subsets of concepts have the "
                "same effect"
            )
        controls = {"concepts exchanged": trial.score(exchanged)}
        parts = {}
        if query.can_be_singled_out:
            controls[_SINGLE] = trial.score_of(query.single_effects(subsets))
        if self.config.held and query.can_hold:
            held = replace(trial, shown=query.effects(subsets, hold=True))
            if held.informative.any():
                parts["others held"] = held.score(importance)
        if not trial.informative.all():
            parts["images left out"] = Estimate.share(~trial.informative)
        return MetricResult(
            self.name,
            estimate=trial.score(importance),
            chance=trial.score_of_all([query.claimed(subsets, guess) for guess in guesses]),
            parts=parts,
            controls=controls,
            read=AttributionSpace.CONCEPTS,
            translated=attribution.translated,
            reason=_reason(attribution, trial, importance, controls.get(_SINGLE)),
        )


@dataclass(frozen=True)
class _Subsets:
    """Subsets of the concepts by their columns, [q, k], -1 where there is none, and directions."""

    columns: Tensor
    up: Tensor

    @classmethod
    def draw(cls, q: int, d: int, rng: torch.Generator) -> _Subsets:
        """Draw subsets of up to half of the concepts, or two, 64 at most, all sizes alike."""
        largest = min(_LARGEST_SUBSET, max(2, (d + 1) // 2))
        size = torch.randint(1, largest + 1, (q, 1), generator=rng)
        order = torch.stack([torch.randperm(d, generator=rng)[:largest] for _ in range(q)])
        columns = torch.where(torch.arange(largest) < size, order, NO_TARGET)
        return cls(columns, torch.randint(2, (q, largest), generator=rng).bool())

    def pick(self, up: Tensor, down: Tensor) -> Tensor:
        """Return the members' entries, [q, n, k], of tables [n, d]; 0 where there is none."""
        columns = self.columns.clamp(min=0)
        chosen = torch.where(self.up, up[:, columns], down[:, columns])
        return torch.where(self.columns >= 0, chosen, 0.0).transpose(0, 1)


@dataclass(frozen=True)
class _Query:
    """The units that are intervened on, the class that is followed, and the concepts."""

    oracle: Oracle
    units: Units
    target: Tensor
    places: Tensor
    up: UnitChange
    down: UnitChange

    @classmethod
    def about(
        cls, explanation: Explanation, rows: Tensor, places: Tensor, inputs: ScoringInputs
    ) -> _Query:
        oracle = inputs.need_oracle()
        units = inputs.explained_units(explanation)[rows]
        concepts = [oracle.space.concepts[place] for place in places.tolist()]
        values = units.values.cpu().float()[:, places]
        up, down = (unit_changes(concepts, values, up=way) for way in (True, False))
        return cls(oracle, units, explanation.target[rows], places, up, down)

    @property
    def can_be_singled_out(self) -> bool:
        """Whether there are few enough concepts to ask for each alone, or for all at once."""
        return len(self.places) <= _LARGEST_SUBSET

    @property
    def can_hold(self) -> bool:
        """Whether all concepts can be set at once."""
        concepts = self.oracle.space.concepts
        return self.can_be_singled_out and all(
            concepts[place].is_measured for place in self.places.tolist()
        )

    def claimed(self, subsets: _Subsets, importance: Tensor) -> NDArray[np.float64]:
        """Return what importances [n, d] claim that each subset adds to the logit, [q, n]."""
        up, down = (importance.double() * change.share.double() for change in (self.up, self.down))
        total: NDArray[np.float64] = subsets.pick(up, down).sum(dim=2).numpy()
        return total

    def single_effects(self, subsets: _Subsets) -> NDArray[np.float64]:
        """Return what the effects of each subset's members alone add up to, [q, n]."""
        each = torch.arange(len(self.places))[:, None]
        up = torch.from_numpy(self.effects(_Subsets(each, torch.ones_like(each).bool()))).T
        down = up
        if not torch.equal(self.up.set_to, self.down.set_to):
            down = torch.from_numpy(self.effects(_Subsets(each, torch.zeros_like(each).bool()))).T
        total: NDArray[np.float64] = subsets.pick(up, down).sum(dim=2).numpy()
        return total

    def effects(self, subsets: _Subsets, *, hold: bool = False) -> NDArray[np.float64]:
        """Return what do() on each subset adds to the target's logit, [q, n].

        Effects are rounded to multiples of a small share of the largest logit. Only their ranks
        count, and without this step rounding errors would rank effects that are equal.
        """
        values = subsets.pick(self.up.set_to, self.down.set_to)
        columns = subsets.columns
        targets = torch.where(columns >= 0, self.places[columns.clamp(min=0)], NO_TARGET)
        if hold:
            own = self.units.values.cpu().float()[:, self.places]
            done = Intervention.set(torch.where(columns >= 0, columns, NO_TARGET), values)
            values = done.apply(own)
            targets = self.places.expand(len(columns), -1)
        before = self.oracle.query(self.units, Intervention.none()).answer("logits")
        after = self.oracle.query(self.units, Intervention.set(targets, values)).answer("logits")
        n = torch.arange(len(self.target))
        before, after = before.cpu().double(), after.cpu().double()
        change = (after - before)[:, n, self.target]
        least = _ROUNDING * (float(before.abs().max()) or 1.0)
        rounded: NDArray[np.float64] = (change / least).round().numpy()
        return rounded


@dataclass(frozen=True)
class _Trial:
    """The effects of some subsets under do(), ``[q, n]``, with which claims are compared."""

    query: _Query
    subsets: _Subsets
    shown: NDArray[np.float64]
    rng: np.random.Generator

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Whether the effects of the subsets differ in an image, ``[n]``."""
        differ: NDArray[np.bool_] = np.ptp(self.shown, axis=0) > 0
        return differ

    def silent(self, importance: Tensor) -> int:
        """Return in how many of these images the claimed effects do not differ."""
        claimed = self.query.claimed(self.subsets, importance)[:, self.informative]
        return int((np.ptp(claimed, axis=0) == 0).sum())

    def score(self, importance: Tensor) -> Estimate:
        """Return the score of importances ``[n, d]``."""
        return self.score_of(self.query.claimed(self.subsets, importance))

    def score_of(self, claimed: NDArray[np.float64]) -> Estimate:
        """Return the score of claimed effects ``[q, n]``."""
        return self.score_of_all([claimed])

    def score_of_all(self, claims: Sequence[NDArray[np.float64]]) -> Estimate:
        """Return the mean score of several tables of claimed effects ``[q, n]``."""
        each = [_correlations(claimed, self.shown)[self.informative] for claimed in claims]
        return Estimate.mean(np.mean(each, axis=0), self.rng, bounds=(-1.0, 1.0))


def _reason(
    attribution: ConceptAttribution, trial: _Trial, importance: Tensor, single: Estimate | None
) -> str:
    """Return remarks on the images and effects that the score rests on."""
    n, silent = int(trial.informative.sum()), trial.silent(importance)
    remarks = [attribution.remark]
    if silent:
        remarks.append(f"silent in {silent} of {n} images, which count as 0")
    if single is not None and single.value >= _EXACT:
        remarks.append("effects add up exactly here: listing single effects scores 1")
    return "; ".join(remark for remark in remarks if remark)


def _correlations(claimed: NDArray[np.float64], shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each image's rank correlation over subsets, ``[n]``, 0 where either has no ranks.

    Both tables are ``[q, n]``.
    """
    rho = np.zeros(claimed.shape[1])
    ranked = (np.ptp(claimed, axis=0) > 0) & (np.ptp(shown, axis=0) > 0)
    if ranked.any():
        # scipy's spearmanr would also correlate each image with all others, which is slow.
        one, other = (scipy.stats.rankdata(table[:, ranked], axis=0) for table in (claimed, shown))
        rho[ranked] = scipy.stats.pearsonr(one, other, axis=0).statistic
    return rho


def _handed_around(importance: Tensor, rng: torch.Generator) -> Tensor:
    """Return importances that are permuted between the concepts; at least two change places."""
    n, d = importance.shape
    order = torch.rand(n, d, generator=rng).argsort(dim=1)
    same = (order == torch.arange(d)).all(dim=1)
    return importance.gather(1, torch.where(same[:, None], order.roll(1, dims=1), order))
