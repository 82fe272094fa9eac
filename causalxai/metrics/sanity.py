"""Sanity: whether explanations change when the classifier's weights are randomised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

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

    The score is 1 - the rank correlation of the explanations before and after, over the
    importances of all images together, or over the pixels of their first maps. Near 0, the
    explanations do not depend on what the classifier has learned. Near 1 they may depend on it;
    but noise changes as well, so that a high score alone proves nothing. Above 1 they are
    reversed.

    The concepts and the graph remain those of the original classifier; the concept space and the
    oracle then use the classifier with randomised weights. The interval is over images.

    ``controls``: ``same weights`` is the score for an explanation that is computed again with the
    same weights, which shows the effect of the explainer's own random choices. ``chance`` is the
    score of permuted entries, as for an explanation that is unrelated to the first one; its
    interval contains 95 % of the permutations.

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
        "correlation). Near 0, they do not depend on what it has learned; near 1 they may, but so "
        "does noise; above 1 they are reversed. Compare with 'same weights', a mere repetition."
    )
    requires = frozenset()

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images.
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
                f"{claims[0].size} entries of {len(rows)} explanations cannot be ranked: "
                f"there must be {_FEWEST_ENTRIES} or more, not all the same, before and after"
            )
        controls = {}
        if np.isfinite(repeated.of_all):
            controls["same weights"] = self._over_images(repeated, rng)
        return MetricResult(
            self.name,
            estimate=self._over_images(change, rng),
            chance=_by_chance(claims[0], rng),
            controls=controls,
            translated=False,
            read=read,
        )

    def _over_images(self, change: _Change, rng: np.random.Generator) -> Estimate:
        n = len(change.before)
        return bootstrapped(change.of, n, rng, draws=_DRAWS, bounds=self.value_range)

    def _forgetful(self, inputs: ScoringInputs) -> ScoringInputs:
        """Return the inputs with a randomised classifier and the concepts of the original one."""
        classifier = randomised(inputs.classifier, inputs.rng, layers=self.config.layers)
        space, oracle = inputs.space, inputs.oracle
        if space is None or oracle is None:
            return replace(inputs, classifier=classifier)
        kept = type(space)(space.config).restore(space.to_record(), classifier)
        kept = kept.attach(inputs.dataset)
        asked = type(oracle)(oracle.config).bind(
            classifier, kept, memory_ceiling=oracle.memory_ceiling
        )
        asked.ledger = oracle.ledger
        return replace(inputs, classifier=classifier, space=kept, oracle=asked)


def _explained(images: torch.Tensor, target: torch.Tensor, inputs: ScoringInputs) -> Explanation:
    if inputs.explainer is None:
        raise CapabilityError("sanity runs the explainer again, but this run has none")
    return inputs.explainer.explain(images, target, inputs, with_units=False)


def _claims(
    explanations: Sequence[Explanation],
) -> tuple[AttributionSpace, list[NDArray[np.float64]]]:
    """Return the claims ``[n, d]`` of explanations: on common concepts, or else on pixels."""
    shared = set.intersection(*(set(one.concepts) for one in explanations))
    if shared and all(one.importance is not None for one in explanations):
        return AttributionSpace.CONCEPTS, [_importance(one, sorted(shared)) for one in explanations]
    if not all(one.maps for one in explanations):
        raise MetricUndefinedError(
            "the explanations have neither common concepts nor maps of pixels"
        )
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
        return min(2.0, max(0.0, 1 - float(scipy.stats.spearmanr(one, other).statistic)))


def _by_chance(claims: NDArray[np.float64], rng: np.random.Generator) -> Estimate:
    """Return how much changes where the entries of all images change places."""
    ranks = scipy.stats.rankdata(claims.ravel())
    if np.ptp(ranks) == 0:
        return Estimate(0.0)
    shuffled = [np.corrcoef(ranks, rng.permutation(ranks))[0, 1] for _ in range(_SHUFFLES)]
    return null_range(np.clip(1 - np.array(shuffled), 0, 2))
