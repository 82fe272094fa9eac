"""Sanity: whether an explanation of a classifier changes when what was learned is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy import stats

from causalxai.context import Context
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError
from causalxai.plugin import PluginConfig
from causalxai.randomised import randomised
from causalxai.seeding import numpy_generator

SANITY_TOLD = (
    "sanity: how much explanations change when the classifier's weights are shuffled (1 - |rank "
    "correlation|). Near 0, they do not speak of what it has learned; near 1 they may, as noise "
    "would: compare 'same weights', which is asking again."
)
"""The metric in a sentence."""


class Sanity(Metric):
    """How much the explanation changes when the classifier's weights are shuffled [1]_.

    1 - |rank correlation| of an image's explanation before and after, over its importances, or the
    pixels of its first map. Near 0, the explanation does not speak of what the classifier has
    learned. Near 1 it may: noise changes as well, so that a high score proves nothing by itself.

    The concepts stay those that were fitted to the classifier, and so does the graph; concept
    space and oracle then read and ask the classifier that has forgotten. Images whose explanation
    is the same everywhere have no ranks; they count as unchanged where it stays as it is, else
    they are left out.

    ``controls``: ``same weights``, the same for an explanation that is merely asked for again:
    what the explainer's own chance changes. ``chance``: another order of the entries, which is
    what an explanation that has nothing to do with the first one comes to.

    References
    ----------
    .. [1] Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity checks for saliency maps",
       NeurIPS 2018, section 4.
    """

    name = "sanity"
    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = "Adebayo et al. (2018): Sanity checks for saliency maps, section 4"
    requires: ClassVar[frozenset[str]] = frozenset()

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

    def _compute(self, explanation: Explanation, context: Context) -> MetricResult:
        rows = torch.randperm(len(explanation), generator=context.rng)[: self.config.images]
        inputs, target = explanation.inputs[rows], explanation.target[rows]
        forgetful = self._forgetful(context)
        seed = int(torch.randint(2**62, (1,), generator=context.rng))
        before, again, after = (
            _explained(inputs, target, replace(one, rng=torch.Generator().manual_seed(number)))
            for one, number in ((context, seed), (context, seed + 1), (forgetful, seed))
        )
        rng = numpy_generator(context.rng)
        claims = _claims([before, again, after])
        changes = [_change(one, other) for one, other in zip(claims[0], claims[2], strict=True)]
        told = [change for change in changes if change is not None]
        if not told:
            raise MetricUndefinedError(
                "no image's explanation can be ranked: it is the same everywhere, before or after"
            )
        shuffled = [_change(one, rng.permutation(one)) for one in claims[0]]
        repeated = [_change(one, other) for one, other in zip(claims[0], claims[1], strict=True)]
        silent = len(changes) - len(told)
        return MetricResult(
            self.name,
            estimate=Estimate.mean(told, rng),
            chance=_mean(shuffled, rng),
            controls={
                name: estimate
                for name, estimate in {"same weights": _mean(repeated, rng)}.items()
                if estimate is not None
            },
            footing="own",
            reason=f"left out: {silent} of {len(changes)} images" if silent else "",
        )

    def _forgetful(self, context: Context) -> Context:
        """Return the context of a classifier that has forgotten, its concepts as they were."""
        classifier = randomised(context.classifier, context.rng, layers=self.config.layers)
        space, oracle = context.space, context.oracle
        if space is None or oracle is None:
            return replace(context, classifier=classifier)
        kept = type(space)(space.config).restore(space.to_record(), classifier)
        asked = type(oracle)(oracle.config).bind(
            classifier, kept, memory_ceiling=oracle.memory_ceiling
        )
        asked.ledger = oracle.ledger
        return replace(context, classifier=classifier, space=kept, oracle=asked)


def _explained(inputs: torch.Tensor, target: torch.Tensor, context: Context) -> Explanation:
    if context.explainer is None:
        raise CapabilityError("sanity asks the explainer again; there is none in this context")
    return context.explainer.explain(inputs, target, context)


def _claims(explanations: Sequence[Explanation]) -> list[NDArray[np.float64]]:
    """Return what each claims, ``[n, d]``: of concepts that all speak of, or else of pixels."""
    shared = set.intersection(*(set(one.concepts) for one in explanations))
    if shared and all(one.importance is not None for one in explanations):
        return [_importance(one, sorted(shared)) for one in explanations]
    if not all(one.maps for one in explanations):
        raise MetricUndefinedError("the explanations speak neither of the same concepts nor pixels")
    maps = [next(iter(one.maps.values())).cpu().flatten(1) for one in explanations]
    return [heat.double().numpy() for heat in maps]


def _importance(explanation: Explanation, names: Sequence[str]) -> NDArray[np.float64]:
    assert explanation.importance is not None
    columns = [explanation.concepts.index(name) for name in names]
    claims: NDArray[np.float64] = explanation.importance[:, columns].cpu().double().numpy()
    return claims


def _change(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return 1 - |Spearman's rho|, 0 where nothing changes; ``None`` without ranks."""
    if np.array_equal(one, other):
        return 0.0
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    rho = float(stats.spearmanr(one, other).statistic)
    return min(1.0, max(0.0, 1 - abs(rho)))


def _mean(values: Sequence[float | None], rng: np.random.Generator) -> Estimate | None:
    known = [value for value in values if value is not None]
    return Estimate.mean(known, rng) if known else None
