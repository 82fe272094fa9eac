"""Saliency and integrated gradients."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from causalxai.explainer import Explanation, ExplanationInputs
from causalxai_baselines.attribution import (
    NOTHING,
    Attribute,
    Attributed,
    AttributionConfig,
    Baseline,
    baseline_of,
)
from causalxai_baselines.gradient_attribution import GradientAttribution, is_flat

_GAP = 0.05
_SMALL = 1e-3


class Saliency(GradientAttribution):
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
            return (
                "Green: pixels that matter, whether they support or oppose; each map has its own "
                "scale."
            )
        return super().map_note

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        from captum import attr

        saliency = attr.Saliency(inputs.classifier.model)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            gradient = saliency.attribute(images.requires_grad_(), target=target, abs=False)
            details = {"flat": is_flat(gradient)}
            if not self.config.absolute:
                return Attributed(gradient, details)
            return Attributed(gradient.abs().amax(dim=1, keepdim=True), details)

        return attribute


class IntegratedGradients(GradientAttribution):
    """The gradient's integral along the line from a baseline to the image [1]_.

    ``details["gap"]`` is the difference between the map's sum and the difference of the two logits,
    which would be 0 for an exact integral. It is the error of the quadrature, which decreases with
    more ``steps``, and what parts of the network without a gradient contribute. If it is more than
    5 % of the differences, on average over the images, the log and the report tell it.

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
        from captum import attr

        integrated = attr.IntegratedGradients(inputs.classifier.model)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            values, gap = integrated.attribute(
                images.requires_grad_(),
                baseline_of(images.detach(), self.config.baseline),
                target=target,
                n_steps=self.config.steps,
                return_convergence_delta=True,
            )
            # A map of zeros is right where the logit equals that of the baseline.
            flat = is_flat(values) & (gap.abs() > _SMALL)
            return Attributed(values, {"gap": gap, "flat": flat})

        return attribute

    def _doubts(self, found: Explanation) -> dict[str, str]:
        gap = found.details["gap"].abs().mean()
        difference = (found.maps[self.name].sum(dim=(1, 2)) - found.details["gap"]).abs().mean()
        share = float(gap / difference.clamp(min=_SMALL))
        if share <= _GAP:
            return {}
        return {
            "gap": f"the sums of the maps miss the differences of the logits, which they should "
            f"equal, by {share:.0%} of these on average; more steps make that less, unless a "
            "part of the network has no gradient"
        }
