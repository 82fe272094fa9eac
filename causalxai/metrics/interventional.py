"""Faithfulness by doing: whether do() brings about what explanations claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy import stats
from torch import Tensor

from causalxai.concept_space import Units
from causalxai.context import Context
from causalxai.explainer import Explanation
from causalxai.footing import UnitChange, to_concepts, unit_change, units_of
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_LARGEST_SUBSET = 64
_ROUNDING = 1e-6


class InterventionalFaithfulness(Metric):
    """Rank correlation between the effects that an explanation claims and those that do() has.

    Random subsets of the concepts are intervened on, in each image: continuous concepts are
    shifted by one unit (an sd) up or down, boolean ones flipped, parameters removed. The
    explainer has not seen these interventions. Claimed is the sum of the subset's importances,
    each with the sign of its change; shown is what the oracle adds to the target's logit. The score
    is Spearman's correlation over the subsets, averaged over images.

    ``chance`` hands each image's importances to other concepts at random. The part ``others held``
    holds the concepts outside the subset at their own values: it is the higher one for explanations
    that speak of direct effects, while the score asks for effects with all their consequences. Even
    true total effects don't quite add up where a subset has a cause along with its effect, so that
    1 need not be reached. With two concepts ``chance`` is high: to exchange them changes little.
    Images in which the oracle or the explanation makes no difference between subsets are left out
    and counted.
    """

    name = "interventional-faithfulness"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    reference = "Bhatt, Weller, Moura (2020), faithfulness correlation; here over do() of concepts"
    requires: ClassVar[frozenset[str]] = frozenset({"space", "oracle"})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        subsets
            To each image.
        images
            At most.
        held
            Also ask with the other concepts held, which doubles the queries; never with more than
            64 concepts.
        """

        subsets: int = Field(default=32, ge=5)
        images: PositiveInt = 50
        held: bool = True

    config: Config

    def _compute(self, explanation: Explanation, context: Context) -> MetricResult:
        assert context.oracle is not None  # `requires` says so
        claims = to_concepts(explanation, context)
        if len(claims.places) < 2:
            raise MetricUndefinedError("one concept alone has no other to be mistaken for")
        rows = torch.randperm(len(explanation), generator=context.rng)[: self.config.images]
        importance = claims.importance[rows]
        asked = _Asked.about(explanation, rows, claims.places, context)
        subsets = _Subsets.draw(self.config.subsets, len(claims.places), context.rng)
        shown = asked.effects(subsets)
        claimed = asked.claimed(subsets, importance)
        rng = numpy_generator(context.rng)
        score, told = _correlations(claimed, shown)
        if not told.any():
            raise MetricUndefinedError(
                "there are no effects to compare: in no image do the oracle and the explanation "
                "make a difference between subsets of concepts"
            )
        guessed = asked.claimed(subsets, _handed_around(importance, context.rng))
        chance = _correlations(guessed, shown)[0][told]
        parts = {}
        if self.config.held and asked.can_hold:
            held, defined = _correlations(claimed, asked.effects(subsets, hold=True))
            if defined.any():
                parts["others held"] = Estimate.mean(held[defined], rng)
        if not told.all():
            parts["images left out"] = Estimate.share(~told)
        return MetricResult(
            self.name,
            estimate=Estimate.mean(score[told], rng),
            chance=Estimate.mean(chance, rng),
            parts=parts,
            footing=claims.footing,
        )


@dataclass(frozen=True)
class _Subsets:
    """Subsets of the concepts by their columns, [q, k], -1 where there is none, and directions."""

    columns: Tensor
    up: Tensor

    @classmethod
    def draw(cls, q: int, d: int, rng: torch.Generator) -> _Subsets:
        """Draw subsets of up to half of the concepts, 64 at most, all sizes alike."""
        largest = min(_LARGEST_SUBSET, (d + 1) // 2)
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
class _Asked:
    """The units that are intervened on, the class that is followed, and the concepts."""

    oracle: Oracle
    units: Units
    target: Tensor
    places: Tensor
    up: UnitChange
    down: UnitChange

    @classmethod
    def about(
        cls, explanation: Explanation, rows: Tensor, places: Tensor, context: Context
    ) -> _Asked:
        oracle = context.oracle
        assert oracle is not None
        units = oracle.space.encode(explanation.inputs[rows])
        concepts = [oracle.space.concepts[place] for place in places.tolist()]
        amounts = units_of(oracle.space, context)[places]
        values = units.values.cpu().float()[:, places]
        up, down = (unit_change(concepts, values, amounts, way) for way in (1, -1))
        return cls(oracle, units, explanation.target[rows], places, up, down)

    @property
    def can_hold(self) -> bool:
        """Whether all concepts can be set at once."""
        kinds = {self.oracle.space.concepts[place].kind for place in self.places.tolist()}
        return len(self.places) <= _LARGEST_SUBSET and "parameter" not in kinds

    def claimed(self, subsets: _Subsets, importance: Tensor) -> NDArray[np.float64]:
        """Return what importances [n, d] claim that each subset adds to the logit, [q, n]."""
        up, down = (importance.double() * change.share.double() for change in (self.up, self.down))
        total: NDArray[np.float64] = subsets.pick(up, down).sum(dim=2).numpy()
        return total

    def effects(self, subsets: _Subsets, *, hold: bool = False) -> NDArray[np.float64]:
        """Return what do() on each subset adds to the target's logit, [q, n]."""
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
        change: NDArray[np.float64] = (after - before)[:, n, self.target].numpy()
        # Rounding makes no ranks.
        change[np.abs(change) < _ROUNDING * float(before.abs().max())] = 0.0
        return change


def _correlations(
    claimed: NDArray[np.float64], shown: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each image's rank correlation over subsets, 0 where there is none, and where is one.

    Both tables are ``[q, n]``.
    """
    one, other = (stats.rankdata(table, axis=0) for table in (claimed, shown))
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    scale = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    defined = scale > 0
    product = (one * other).sum(axis=0)
    return np.clip(product / np.where(defined, scale, 1.0), -1, 1), defined


def _handed_around(importance: Tensor, rng: torch.Generator) -> Tensor:
    """Give each image's importances to other concepts; never all to their own."""
    n, d = importance.shape
    order = torch.rand(n, d, generator=rng).argsort(dim=1)
    same = (order == torch.arange(d)).all(dim=1)
    return importance.gather(1, torch.where(same[:, None], order.roll(1, dims=1), order))
