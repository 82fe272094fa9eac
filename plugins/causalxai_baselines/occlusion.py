"""Occlusion."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from causalxai.errors import CapabilityError
from causalxai.explainer import ExplanationInputs
from causalxai_baselines.attribution import (
    NOTHING,
    Attribute,
    Attributed,
    Attribution,
    AttributionConfig,
    Baseline,
    baseline_of,
)


class Occlusion(Attribution):
    """The decrease of the logit when a window slides over the image [1]_.

    Each pixel gets the mean decrease over all windows that cover it.

    References
    ----------
    .. [1] Zeiler, Fergus, "Visualizing and understanding convolutional networks", ECCV 2014,
       section 4.2.
    """

    name = "occlusion"

    class Config(AttributionConfig):
        """Settings of ``Occlusion``.

        Parameters
        ----------
        window
            Side of the square window, in pixels.
        stride
            The step of the window in pixels, at most ``window``.
        baseline
            The content of the window: black, grey, or the image's mean colour.
        """

        window: int = Field(default=5, ge=1)
        stride: int = Field(default=2, ge=1)
        baseline: Baseline = NOTHING

    config: Config

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        from captum import attr

        colours, *sides = inputs.classifier.image_shape
        window, stride = self.config.window, self.config.stride
        if window > min(sides) or stride > window:
            raise CapabilityError(
                f"occlusion needs stride <= window <= {min(sides)}, the images' shorter side; "
                f"not a window of {window} with a stride of {stride}"
            )
        occlusion = attr.Occlusion(inputs.classifier.model)

        @torch.no_grad()
        def attribute(images: Tensor, target: Tensor) -> Attributed:
            values = occlusion.attribute(
                images,
                (colours, window, window),
                strides=(colours, stride, stride),
                baselines=baseline_of(images, self.config.baseline),
                target=target,
                perturbations_per_eval=max(1, self.config.batch_size // len(images)),
            )
            # Each colour has the decrease for the whole window, which covers all colours.
            return Attributed(values[:, :1])

        return attribute
