"""Saliency and integrated gradients."""

from __future__ import annotations

from captum import attr
from pydantic import Field
from torch import Tensor

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


class Saliency(Attribution):
    """The absolute gradient of the logit with respect to the pixels, the largest over colours [1]_.

    References
    ----------
    .. [1] Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks", ICLR workshop 2014,
       section 3.
    """

    name = "saliency"

    class Config(AttributionConfig):
        """Settings of ``Saliency``.

        Parameters
        ----------
        absolute
            Use the absolute gradient, as in the paper, which shows where a pixel matters but not
            its sign. If false, the gradient itself, summed over colours.
        """

        absolute: bool = True

    config: Config

    @property
    def map_note(self) -> str:
        """A note on how to read the map."""
        if self.config.absolute:
            return "Red: pixels that matter, whatever their sign; each map has its own scale."
        return super().map_note

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        saliency = attr.Saliency(inputs.classifier.model)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            gradient = saliency.attribute(images.requires_grad_(), target=target, abs=False)
            if not self.config.absolute:
                return Attributed(gradient)
            return Attributed(gradient.abs().amax(dim=1, keepdim=True))

        return attribute


class IntegratedGradients(Attribution):
    """The gradient's integral along the line from a baseline to the image [1]_.

    ``details["gap"]`` is the difference between the map's sum and the difference of the two logits,
    which would be 0 for an exact integral. It is the error of the quadrature and decreases with
    more ``steps``.

    References
    ----------
    .. [1] Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017.
    """

    name = "integrated gradients"

    class Config(AttributionConfig):
        """Settings of ``IntegratedGradients``.

        Parameters
        ----------
        steps
            The number of points of the Gauss-Legendre quadrature.
        baseline
            The start of the line: black, grey, or the image's mean colour.
        """

        steps: int = Field(default=50, ge=1)
        baseline: Baseline = NOTHING

    config: Config

    @property
    def _passes(self) -> int:
        return self.config.steps

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        integrated = attr.IntegratedGradients(inputs.classifier.model)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            values, gap = integrated.attribute(
                images.requires_grad_(),
                baseline_of(images.detach(), self.config.baseline),
                target=target,
                n_steps=self.config.steps,
                return_convergence_delta=True,
            )
            return Attributed(values, {"gap": gap})

        return attribute
