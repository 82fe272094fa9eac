"""Sanity: whether an explanation of a classifier changes when what was learned is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy import stats

from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.parameter_randomisation import randomised
from causalxai.metrics.resampling import Rows, bootstrapped, null_range
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_FEWEST_ENTRIES = 5
_SHUFFLES = 100
_DRAWS = 200


class Sanity(Metric):
    """How much explanations change when the classifier's weights are shuffled, after [1]_.

    1 - rank correlation of the explanations before and after, over all images and their importances
    at once, or the pixels of their first maps. Near 0, they do not speak of what the classifier has
    learned. Near 1 they may: noise changes as well, so that a high score proves nothing by itself.
    Above 1 they turn around.

    The concepts stay those that were fitted to the classifier, and so does the graph; concept
    space and oracle then read and ask the classifier that has forgotten. The interval is over
    images.

    ``controls``: ``same weights``, the same for an explanation that is merely asked for again:
    what the explainer's own chance changes. ``chance``: the entries in another order, which is
    what an explanation that has nothing to do with the first one comes to; its interval is the
    range in which 95 % of such orders lie.

    References
    ----------
    .. [1] Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity checks for saliency maps",
       NeurIPS 2018, section 4.
    """

    name = "sanity"
    higher_is_better = True
    value_range = (0.0, 2.0)
    reference = (
        "after Adebayo et al. (2018): Sanity checks for saliency maps, section 4; rank correlation "
        "with signs, over all images at once"
    )
    reading_note = (
        "sanity: how much explanations change when the classifier's weights are shuffled (1 - rank "
        "correlation). Near 0, they do not speak of what it has learned; near 1 they may, as noise "
        "would; above 1 they turn around. Compare 'same weights', which is asking again."
    )
    requires = frozenset()

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            At most.
        layers
            The share of the layers whose weights are shuffled, from the logits downwards.
        """

        images: PositiveInt = 8
        layers: float = Field(default=1.0, gt=0, le=1)

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        images, target = explanation.images[rows], explanation.target[rows]
        forgetful = self._forgetful(inputs)
        seed = int(torch.randint(2**62, (1,), generator=inputs.rng))
        before, again, after = (
            _explained(images, target, replace(one, rng=torch.Generator().manual_seed(number)))
            for one, number in ((inputs, seed), (inputs, seed + 1), (forgetful, seed))
        )
        rng = numpy_generator(inputs.rng)
        read, claims = _claims([before, again, after])
        change, repeated = (_Change(claims[0], other) for other in (claims[2], claims[1]))
        if claims[0].size < _FEWEST_ENTRIES or not np.isfinite(change.of_all):
            raise MetricUndefinedError(
                f"{claims[0].size} entries of {len(rows)} explanations can't be ranked: it takes "
                f"{_FEWEST_ENTRIES} or more that are not all the same, before and after"
            )
        controls = {}
        if np.isfinite(repeated.of_all):
            controls["same weights"] = bootstrapped(repeated.of, len(rows), rng, draws=_DRAWS)
        return MetricResult(
            self.name,
            estimate=bootstrapped(change.of, len(rows), rng, draws=_DRAWS),
            chance=_by_chance(claims[0], rng),
            controls=controls,
            translated=False,
            read=read,
        )

    def _forgetful(self, inputs: ScoringInputs) -> ScoringInputs:
        """Return the inputs with a classifier that has forgotten, its concepts as they were."""
        classifier = randomised(inputs.classifier, inputs.rng, layers=self.config.layers)
        space, oracle = inputs.space, inputs.oracle
        if space is None or oracle is None:
            return replace(inputs, classifier=classifier)
        kept = type(space)(space.config).restore(space.to_record(), classifier)
        asked = type(oracle)(oracle.config).bind(
            classifier, kept, memory_ceiling=oracle.memory_ceiling
        )
        asked.ledger = oracle.ledger
        return replace(inputs, classifier=classifier, space=kept, oracle=asked)


def _explained(images: torch.Tensor, target: torch.Tensor, inputs: ScoringInputs) -> Explanation:
    if inputs.explainer is None:
        raise CapabilityError("sanity asks the explainer again; this run has none")
    return inputs.explainer.explain(images, target, inputs, with_units=False)


def _claims(
    explanations: Sequence[Explanation],
) -> tuple[AttributionSpace, list[NDArray[np.float64]]]:
    """Return what each claims, ``[n, d]``: of concepts that all speak of, or else of pixels."""
    shared = set.intersection(*(set(one.concepts) for one in explanations))
    if shared and all(one.importance is not None for one in explanations):
        return AttributionSpace.CONCEPTS, [_importance(one, sorted(shared)) for one in explanations]
    if not all(one.maps for one in explanations):
        raise MetricUndefinedError("the explanations speak neither of the same concepts nor pixels")
    maps = [next(iter(one.maps.values())).cpu().flatten(1) for one in explanations]
    return AttributionSpace.PIXELS, [heat.double().numpy() for heat in maps]


def _importance(explanation: Explanation, names: Sequence[str]) -> NDArray[np.float64]:
    assert explanation.importance is not None
    columns = [explanation.concepts.index(name) for name in names]
    claims: NDArray[np.float64] = explanation.importance[:, columns].cpu().double().numpy()
    return claims


@dataclass(frozen=True)
class _Change:
    """Explanations of the same images, before and after, each ``[n, d]``."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]

    @property
    def of_all(self) -> float:
        return self.of(np.arange(len(self.before)))

    def of(self, images: Rows) -> float:
        """Return 1 - Spearman's rho of some images: 0 if nothing changes, NaN without ranks."""
        one, other = self.before[images].ravel(), self.after[images].ravel()
        if np.array_equal(one, other):
            return 0.0
        if np.ptp(one) == 0 or np.ptp(other) == 0:
            return float("nan")
        return min(2.0, max(0.0, 1 - float(stats.spearmanr(one, other).statistic)))


def _by_chance(claims: NDArray[np.float64], rng: np.random.Generator) -> Estimate:
    """Return how much changes where the entries of all images change places."""
    ranks = stats.rankdata(claims.ravel())
    if np.ptp(ranks) == 0:
        return Estimate(0.0)
    shuffled = [np.corrcoef(ranks, rng.permutation(ranks))[0, 1] for _ in range(_SHUFFLES)]
    return null_range(np.clip(1 - np.array(shuffled), 0, 2))
