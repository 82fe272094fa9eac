"""Deletion and insertion: the prediction while important pixels are removed or added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.explainer import ControlKind, Explanation
from causalxai.metric import AttributionSpace, Estimate, Metric, MetricResult, ScoringInputs
from causalxai.metrics.translation import to_pixels
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator


class PixelFlipping(Metric):
    """Area under the target's probability while pixels change, the most important ones first.

    The estimate is the score of the explanation's first map; the ``parts`` are those of its other
    maps. The importances of an explanation without maps are translated to a map if the oracle
    renders (see ``metrics.translation``). ``chance`` is the score of a random order of the pixels.
    """

    value_range = (0.0, 1.0)
    reference = "Petsiuk, Das, Saenko (2018): RISE, section 4.3"

    class Config(PluginConfig):
        """Settings of ``Deletion`` and ``Insertion``."""

        steps: int = Field(default=20, ge=2, description="points of the curve")
        baseline: Literal["black", "mean"] = Field(
            default="black", description="what a deleted pixel becomes: 0, or its image's mean"
        )

    config: Config
    deletes: ClassVar[bool]

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        attribution = to_pixels(explanation, inputs)
        images, target = explanation.images, explanation.target
        rng = numpy_generator(inputs.rng)
        areas = {
            name: self.areas(inputs.classifier, images, target, heat)
            for name, heat in attribution.maps.items()
        }
        noise = torch.rand(len(images), *images.shape[2:], generator=inputs.rng)
        by_chance = self.areas(inputs.classifier, images, target, noise)
        estimates = {
            name: Estimate.mean(area.numpy(), rng, bounds=self.value_range)
            for name, area in areas.items()
        }
        first = next(iter(estimates))
        return MetricResult(
            self.name,
            estimate=estimates[first],
            chance=Estimate.mean(by_chance.numpy(), rng, bounds=self.value_range),
            parts={name: estimate for name, estimate in estimates.items() if name != first},
            read=AttributionSpace.PIXELS,
            translated=attribution.translated,
        )

    def areas(self, classifier: Classifier, images: Tensor, target: Tensor, heat: Tensor) -> Tensor:
        """Return the area under each image's curve.

        Parameters
        ----------
        images
            ``[n, c, h, w]``.
        target
            ``[n]``, the class whose probability is recorded.
        heat
            ``[n, h, w]``, importance; the most important pixels are changed first.

        Returns
        -------
        Tensor
            ``[n]``, in [0, 1].
        """
        n, pixels = len(images), heat[0].numel()
        rank = torch.empty(n, pixels, dtype=torch.int64)
        order = heat.cpu().flatten(1).argsort(dim=1, descending=True, stable=True)
        rank.scatter_(1, order, torch.arange(pixels).expand(n, -1))
        empty = self._baseline(images)
        start, end = (images, empty) if self.deletes else (empty, images)
        curve = []
        for share in torch.linspace(0, 1, self.config.steps + 1).tolist():
            changed = (rank < round(share * pixels)).view(n, 1, *images.shape[2:])
            seen = classifier.probabilities(torch.where(changed, end, start)).cpu()
            curve.append(seen.gather(1, target[:, None])[:, 0].double())
        return torch.trapezoid(torch.stack(curve, dim=1), dx=1 / self.config.steps, dim=1)

    def _baseline(self, images: Tensor) -> Tensor:
        if self.config.baseline == "black":
            return torch.zeros_like(images)
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images)


class Deletion(PixelFlipping):
    """Important pixels are deleted first; the faster the probability falls, the better."""

    name = "deletion"
    higher_is_better = False
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.CONSTANT: (
            "This may be because pixels of equal importance go row by row from the top, so that "
            "whole parts of what is shown go at once."
        ),
        ControlKind.RANDOM: (
            "This may be because pixels that go here and there spoil every part of the image at "
            "once, while a map in one piece takes away one place and leaves the others as they "
            "are."
        ),
    }
    deletes = True


class Insertion(PixelFlipping):
    """Important pixels are inserted first; the faster the probability rises, the better."""

    name = "insertion"
    higher_is_better = True
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.CONSTANT: (
            "This may be because pixels of equal importance come row by row from the top, so that "
            "whole parts of what is shown come at once, while a map that is wrong holds back what "
            "tells."
        ),
        ControlKind.RANDOM: (
            "This may be because pixels that come here and there sketch the whole image early, "
            "while a map in one piece fills in one place after the other."
        ),
    }
    deletes = False
