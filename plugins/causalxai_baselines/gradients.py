"""Saliency and integrated gradients."""

from __future__ import annotations

from captum import attr
from pydantic import Field
from torch import Tensor

from causalxai.context import Context
from causalxai_baselines.attribution import (
    Attribute,
    Attributed,
    Attribution,
    AttributionConfig,
    Baseline,
    baseline_of,
)


class Saliency(Attribution):
    """The gradient of the logit by the pixels [1]_.

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
            The gradient's size, as in the paper, in place of its sign: where a pixel matters,
            not which way.
        """

        absolute: bool = False

    config: Config

    def _attribution(self, context: Context) -> Attribute:
        saliency = attr.Saliency(context.classifier.model)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            inputs = images.requires_grad_()
            return Attributed(saliency.attribute(inputs, target=target, abs=self.config.absolute))

        return attribute


class IntegratedGradients(Attribution):
    """The gradient's integral along the line from a baseline to the image [1]_.

    ``details["gap"]`` is what the map's sum misses of the difference of the two logits, which an
    exact integral would meet: the quadrature's error. More ``steps`` make it smaller.

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
            Points of the (Gauss-Legendre) quadrature.
        baseline
            Where the line begins: black, grey, or the image's mean colour.
        """

        steps: int = Field(default=50, ge=1)
        baseline: Baseline = "black"

    config: Config

    @property
    def _passes(self) -> int:
        return self.config.steps

    def _attribution(self, context: Context) -> Attribute:
        integrated = attr.IntegratedGradients(context.classifier.model)

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
