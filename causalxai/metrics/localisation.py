"""Localisation: whether a map of pixels points to the part that the prediction rests on."""

from __future__ import annotations

from abc import abstractmethod

import torch
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
from causalxai.metrics.part_masks import MasksConfig, PartMasks
from causalxai.metrics.translation import to_pixels
from causalxai.seeding import numpy_generator


class Localisation(Metric):
    """The base of scores of a map by the mask of what the prediction rests on.

    The mask is that of the part which contributes most to the target's logit, as the data set's
    renderer shows by drawing the image without it. Where the renderer's masks are not of parts that
    can be removed, it is that of the objects. ``reason`` says which.

    An explanation without a map that names the parts as its concepts is given one: the importance
    of each part, painted into its mask. Importances of other concepts are translated to a map by
    the oracle's pictures (see ``metrics.translation``).
    """

    higher_is_better = True
    value_range = (0.0, 1.0)
    requires = frozenset({Capability.RENDERER})

    Config = MasksConfig
    config: MasksConfig

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        masks = PartMasks.of(inputs, explanation.images[rows], explanation.target[rows])
        mask, where = masks.decisive()
        known = mask.any(dim=(1, 2))
        if not bool(known.any()):
            raise MetricUndefinedError("none of the parts or objects is seen in these images")
        claims = masks.claims(explanation, rows)
        if claims is None:
            attribution = to_pixels(explanation, inputs)
            maps = {name: heat[rows].cpu().double() for name, heat in attribution.maps.items()}
            translated = attribution.translated
        else:
            painted = (masks.seen * claims[..., None, None]).sum(dim=1)
            maps, translated = {"parts, painted": painted}, True
        rng = numpy_generator(inputs.rng)

        def mean(scores: Tensor) -> Estimate:
            return Estimate.mean(scores[known].double().numpy(), rng, bounds=self.value_range)

        scores = {name: mean(self.of_maps(heat, mask)) for name, heat in maps.items()}
        first = next(iter(scores))
        left = int((~known).sum())
        return MetricResult(
            self.name,
            estimate=scores[first],
            chance=mean(mask.double().mean(dim=(1, 2))),
            parts={name: score for name, score in scores.items() if name != first},
            read=AttributionSpace.PIXELS,
            translated=translated,
            reason=where + (f"; left out: {left} images in which it is not seen" if left else ""),
        )

    @abstractmethod
    def of_maps(self, heat: Tensor, mask: Tensor) -> Tensor:
        """Return the score of each map, ``[n]``.

        Parameters
        ----------
        heat
            ``[n, h, w]`` float64.
        mask
            ``[n, h, w]`` bool.
        """


class PointingGame(Localisation):
    """Whether the largest value of a map is within the mask of what the prediction rests on.

    See ``Localisation`` for the mask. Of several largest values, the share that is within counts.
    ``chance`` is the share of the image that the mask covers, which a random map hits as often.
    """

    name = "pointing-game"
    reference = "Zhang, Lin, Brandt, Shen, Sclaroff (2016): Top-down neural attention, ECCV"

    def of_maps(self, heat: Tensor, mask: Tensor) -> Tensor:
        """Return the share of the largest values that is within, ``[n]``."""
        largest = heat == heat.amax(dim=(1, 2), keepdim=True)
        return (largest & mask).sum(dim=(1, 2)).double() / largest.sum(dim=(1, 2))


class RelevanceMass(Localisation):
    """The share of a map's positive values that is within the mask of what the prediction rests on.

    See ``Localisation`` for the mask. A map without positive values scores 0. ``chance`` is the
    share of the image that the mask covers, which is the score of a constant map.
    """

    name = "relevance-mass"
    reference = "Arras, Osman, Samek (2022): CLEVR-XAI, Information Fusion 81, relevance mass"

    def of_maps(self, heat: Tensor, mask: Tensor) -> Tensor:
        """Return the share of the positive values that is within, ``[n]``."""
        positive = heat.clamp(min=0)
        total = positive.sum(dim=(1, 2))
        within = (positive * mask).sum(dim=(1, 2))
        return torch.where(total > 0, within / total.clamp(min=1e-300), 0.0).clamp(max=1.0)
