"""Part importance: the order of an image's parts by a map against that by removing them."""

from __future__ import annotations

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.effect_error import cosine
from causalxai.metrics.part_masks import MasksConfig, PartMasks
from causalxai.metrics.translation import to_pixels
from causalxai.seeding import numpy_generator

_GUESSES = 20
_FEWEST_PARTS = 2


class PartImportance(Metric):
    """Whether a map orders the parts of an image as removing them by drawing does.

    The data set's renderer draws each image without each of its parts (or with another variant, as
    the data set is set). What the target's logit loses is what the part contributes. A map claims
    for each part the sum of its values within the part's mask. The score is Spearman's correlation
    of the two over the parts that are seen in an image, averaged over images with two or more.

    An explanation without a map that names the parts as its concepts claims their importances.
    Importances of other concepts are translated to a map by the oracle's pictures (see
    ``metrics.translation``).

    ``chance`` is the score of random normal claims, drawn twenty times. The control ``area`` claims
    the size of each part.
    """

    name = "part-importance"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    reference = "Hesse, Schaub-Meyer, Roth (2023): FunnyBirds, ICCV, the single deletion protocol"
    requires = frozenset({Capability.RENDERER})

    Config = MasksConfig
    config: MasksConfig

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        masks = PartMasks.of(inputs, explanation.images[rows], explanation.target[rows])
        if masks.contribution is None:
            raise MetricUndefinedError(
                f"the renderer's masks ({', '.join(masks.names)}) are not of parts that it can "
                "remove"
            )
        claimed, read, translated = (
            masks.claims(explanation, rows),
            AttributionSpace.CONCEPTS,
            False,
        )
        if claimed is None:
            attribution = to_pixels(explanation, inputs)
            heat = next(iter(attribution.maps.values()))[rows].cpu().double()
            claimed = (masks.seen * heat[:, None]).sum(dim=(2, 3))
            read, translated = AttributionSpace.PIXELS, attribution.translated
        rng = numpy_generator(inputs.rng)
        trial = _Trial(masks.contribution, masks.present, rng)
        if not trial.informative.any():
            raise MetricUndefinedError(
                "in no image are there two parts that contribute differently to the logit"
            )
        guesses = torch.randn(_GUESSES, *claimed.shape, generator=inputs.rng).double()
        left = int((~trial.informative).sum())
        return MetricResult(
            self.name,
            estimate=trial.score(claimed[None]),
            chance=trial.score(guesses),
            controls={"area": trial.score(masks.seen.sum(dim=(2, 3)).double()[None])},
            read=read,
            translated=translated,
            reason=f"left out: {left} images with fewer than two such parts" if left else "",
        )


class _Trial:
    """What parts contribute, ``[n, m]``, and whether they are seen."""

    def __init__(self, contribution: Tensor, present: Tensor, rng: np.random.Generator) -> None:
        self._true, self._present, self._rng = contribution.numpy(), present.numpy(), rng
        self.informative = np.array([
            there.sum() >= _FEWEST_PARTS and np.ptp(true[there]) > 0
            for true, there in zip(self._true, self._present, strict=True)
        ])  # fmt: skip

    def score(self, claims: Tensor) -> Estimate:
        """Return the mean score of tables of claims ``[g, n, m]``."""
        each = [self._correlation(claims[:, row].numpy(), row) for row in self._rows]
        return Estimate.mean(each, self._rng, bounds=(-1.0, 1.0))

    @property
    def _rows(self) -> NDArray[np.int64]:
        return self.informative.nonzero()[0]

    def _correlation(self, claimed: NDArray[np.float64], row: int) -> float:
        """Return an image's mean rank correlation over claims ``[g, m]``; 0 for equal claims."""
        there = self._present[row]
        ranks = scipy.stats.rankdata(claimed[:, there], axis=1)
        true = scipy.stats.rankdata(self._true[row, there])[None]
        one, other = (table - table.mean(axis=1, keepdims=True) for table in (ranks, true))
        return float(cosine(one, np.broadcast_to(other, one.shape)).mean())
