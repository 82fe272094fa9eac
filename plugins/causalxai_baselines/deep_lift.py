"""DeepLIFT and DeepSHAP."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pydantic import Field
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation, ExplanationInputs
from causalxai.network.probe_images import probe_images
from causalxai.network.rescale import rescalable
from causalxai_baselines.attribution import (
    NOTHING,
    Attribute,
    Attributed,
    AttributionConfig,
    Baseline,
    baseline_of,
    logit_of,
)
from causalxai_baselines.gradient_attribution import GradientAttribution, is_flat

_SMALL = 1e-3


class RescaleConfig(AttributionConfig):
    """Settings of attributions by the rescale rule.

    Parameters
    ----------
    tolerance
        The largest error of the attributions' sum, which must equal the difference of the logits,
        as a share of the largest such difference in all images. A network with a larger error has
        parts without a rule, and is rejected.
    """

    tolerance: float = Field(default=0.01, gt=0)


class RescaleRule(GradientAttribution):
    """An attribution by DeepLIFT's rescale rule, whose sum is checked.

    It runs on a copy of the network in which every activation is a module that is used once; the
    classifier itself is not changed. ``details["gap"]`` is the attributions' sum minus the
    difference of the logits.
    """

    config: RescaleConfig

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        explanation = super()._explain(images, target, inputs)
        gap = explanation.details["gap"]
        difference = explanation.maps[self.name].sum(dim=(1, 2)) - gap
        # Checked over all images together, so that the result does not depend on the batch size.
        worst, scale = float(gap.abs().max()), float(difference.abs().max())
        if not worst <= self.config.tolerance * max(scale, _SMALL):
            _, doubt = _rescalable(inputs.classifier)
            why = doubt or "it has parts without a rule, such as GELU or a product"
            raise CapabilityError(
                f"{self.name} does not add up in this network: the map's sum is {worst:.2g} off "
                f"the difference of the logits, {scale:.2g} ({why}); use integrated-gradients, "
                "or a network of torch.nn's ReLU, ELU, LeakyReLU, Sigmoid, Tanh, Softplus, "
                "MaxPool2d and linear parts"
            )
        return explanation


def _rescalable(classifier: Classifier) -> tuple[nn.Module, str]:
    classifier.require_layers()
    images = probe_images(classifier.image_shape)[:6].to(classifier.device)
    return rescalable(classifier.model, images)


def _with_gap(
    classifier: Classifier, values: Tensor, images: Tensor, target: Tensor, baselines: Tensor
) -> Attributed:
    """Return attributions, and the error of their sum.

    Parameters
    ----------
    baselines
        ``[n, b, c, h, w]``, the baselines of each image, over whose ``b`` logits the mean is taken.
    """
    count = baselines.shape[1]
    with torch.no_grad():
        above = logit_of(classifier.model(images), target)
        references = classifier.model(baselines.flatten(0, 1))
        below = logit_of(references, target.repeat_interleave(count))
        expected = above - below.view(-1, count).mean(dim=1)
    gap = values.detach().flatten(1).sum(dim=1) - expected
    return Attributed(values, {"gap": gap, "flat": is_flat(values) & (gap.abs() > _SMALL)})


class DeepLift(RescaleRule):
    """DeepLIFT's rescale rule [1]_, from one baseline.

    References
    ----------
    .. [1] Shrikumar, Greenside, Kundaje, "Learning important features through propagating
       activation differences", ICML 2017, section 3.5.1.
    """

    name = "deep-lift"

    class Config(RescaleConfig):
        """Settings of ``DeepLift``.

        Parameters
        ----------
        baseline
            The baseline of an image: black, grey, or its own mean colour.
        """

        baseline: Baseline = NOTHING

    config: Config

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        from captum import attr

        classifier = inputs.classifier
        network, _ = _rescalable(classifier)
        deep_lift = attr.DeepLift(network)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            baselines = baseline_of(images, self.config.baseline)
            with _following(self.name):
                values = deep_lift.attribute(images.requires_grad_(), baselines, target=target)
            return _with_gap(classifier, values, images, target, baselines[:, None])

        return attribute


class DeepShap(RescaleRule):
    """DeepSHAP [1]_: the mean of DeepLIFT over training images as baselines.

    References
    ----------
    .. [1] Lundberg, Lee, "A unified approach to interpreting model predictions", NeurIPS 2017,
       section 4.2.
    """

    name = "deep-shap"

    class Config(RescaleConfig):
        """Settings of ``DeepShap``.

        Parameters
        ----------
        baselines
            The number of training images that are drawn as baselines.
        """

        baselines: int = Field(default=20, ge=2)

    config: Config

    @property
    def _passes(self) -> int:
        return self.config.baselines

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        from captum import attr

        classifier, train = inputs.classifier, inputs.dataset.train
        chosen = torch.randperm(len(train), generator=inputs.rng)[: self.config.baselines]
        baselines = train.images[chosen].to(classifier.device)
        if len(baselines) < 2:
            raise CapabilityError("deep-shap needs two or more training images as baselines")
        network, _ = _rescalable(classifier)
        deep_shap = attr.DeepLiftShap(network)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            with _following(self.name):
                values = deep_shap.attribute(images.requires_grad_(), baselines, target=target)
            each = baselines.expand(len(images), *baselines.shape)
            return _with_gap(classifier, values, images, target, each)

        return attribute


@contextmanager
def _following(name: str) -> Iterator[None]:
    """Suppress captum's warning about its hooks, and translate its errors."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
            yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        # captum runs the user's forward() under its hooks, which may raise any exception.
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise CapabilityError(
            f"{name} cannot follow this network ({why}); use integrated-gradients"
        ) from error
