"""Composition: whether an image comes back when nothing is done to it."""

from __future__ import annotations

import torch
from pydantic import Field, PositiveInt

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.image_data.lazy import mean_image
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.pictures import distance, other_images, perceived
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

AXIOMS = (
    "Monteiro, De Sousa Ribeiro, Pawlowski, Castro, Glocker (2023): Measuring axiomatic soundness "
    "of counterfactual image models, ICLR"
)
"""The publication that states the axioms of composition, effectiveness and reversibility."""


class Composition(Metric):
    """How far an image is from itself after abduction and an empty intervention.

    The distance is the mean absolute difference over all pixels, which lie in [0, 1]. The concepts
    are read from the image, and the oracle renders it with nothing done; this is repeated with the
    picture that it rendered. The score is the distance after all passes. A part has the distance
    after the first pass, which is 0 by construction for an oracle that keeps what the concepts
    leave over.

    ``chance`` is the distance from the picture of another image. The control ``mean image`` always
    shows the mean of the training images, without any detail.

    The metric scores the oracle. Of the explanation it uses only the images.
    """

    name = "composition"
    higher_is_better = False
    value_range = (0.0, 1.0)
    reference = f"{AXIOMS}, section 3"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})
    about_concepts = True

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images.
        passes
            How often the picture is read and rendered again.
        """

        images: int = Field(default=50, ge=2)
        passes: PositiveInt = 3

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        oracle = inputs.need_oracle()
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        if len(rows) < 2:
            raise MetricUndefinedError(
                "the chance level shows other images, which takes two or more images"
            )
        images = explanation.images[rows]
        passes = perceived(oracle, images, self.config.passes)
        once, last = passes[0], passes[-1]
        mean = mean_image(inputs.dataset.train.images).cpu().expand_as(images)
        others = other_images(len(rows), inputs.rng)
        rng = numpy_generator(inputs.rng)

        def mean_distance(pictures: torch.Tensor) -> Estimate:
            gaps = distance(pictures, images).numpy()
            return Estimate.mean(gaps, rng, bounds=self.value_range)

        return MetricResult(
            self.name,
            estimate=mean_distance(last),
            chance=mean_distance(last[others]),
            parts={"after one pass": mean_distance(once)},
            controls={"mean image": mean_distance(mean)},
        )
