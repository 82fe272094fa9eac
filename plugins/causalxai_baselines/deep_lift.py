"""DeepLIFT and DeepSHAP."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from captum import attr
from pydantic import Field
from torch import Tensor, nn

from causalxai.context import Context
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai_baselines.attribution import (
    NOTHING,
    Attributed,
    Attribution,
    AttributionConfig,
    Baseline,
    baseline_of,
    logit_of,
)
from causalxai_baselines.rescale import rescalable


class RescaleConfig(AttributionConfig):
    """Settings of attributions by the rescale rule.

    Parameters
    ----------
    tolerance
        How far the attributions' sum may be from the difference of the logits that it has to
        meet, as a share of the largest such difference in all images. Where it is farther, the
        network has parts for which there is no rule, and is refused.
    """

    tolerance: float = Field(default=0.01, gt=0)


@dataclass(frozen=True)
class Rescaled:
    """What the rescale rule says of one batch.

    Parameters
    ----------
    values
        ``[n, c, h, w]``.
    baselines
        ``[n, b, c, h, w]``, what each image was compared with: the mean over ``b`` is meant.
    """

    values: Tensor
    baselines: Tensor


Rule: TypeAlias = Callable[[Tensor, Tensor], Rescaled]
"""From images ``[n, c, h, w]`` and classes ``[n]``, on the classifier's device."""


@dataclass
class Completeness:
    """Attributes by a rule, and keeps in mind by how much it does not add up in all batches.

    Parameters
    ----------
    model
        The network itself, whose logits have to be met.
    rule
        The rule in the network's copy.
    doubt
        Why the copy could not be traced; empty where it could.
    gap
        By how much a sum of attributions is off its difference of logits, at most.
    difference
        The largest such difference.
    """

    model: nn.Module
    rule: Rule
    doubt: str
    gap: Tensor = field(default_factory=lambda: torch.zeros(()))
    difference: Tensor = field(default_factory=lambda: torch.zeros(()))

    def __call__(self, images: Tensor, target: Tensor) -> Attributed:
        """Return the attributions of a batch, and by how much they don't add up."""
        rescaled = self.rule(images, target)
        count = rescaled.baselines.shape[1]
        with torch.no_grad():
            above = logit_of(self.model(images), target)
            references = self.model(rescaled.baselines.flatten(0, 1))
            below = logit_of(references, target.repeat_interleave(count))
            expected = above - below.view(-1, count).mean(dim=1)
        gap = rescaled.values.detach().flatten(1).sum(dim=1) - expected
        # torch.maximum, unlike max, keeps what is no number.
        self.gap = torch.maximum(self.gap, gap.abs().max().cpu())
        self.difference = torch.maximum(self.difference, expected.abs().max().cpu())
        return Attributed(rescaled.values, {"gap": gap})

    def require(self, tolerance: float, name: str) -> None:
        """Raise CapabilityError if the attributions of all batches don't add up."""
        gap, difference = float(self.gap), float(self.difference)
        if not gap <= tolerance * max(difference, 1e-3):
            why = (
                self.doubt or "it has parts, such as GELU or a product, for which there is no rule"
            )
            raise CapabilityError(
                f"{name} does not add up in this network: the map's sum is {gap:.2g} off "
                f"the difference of the logits, {difference:.2g} ({why}); use "
                "integrated-gradients, or a network of torch.nn's ReLU, ELU, LeakyReLU, Sigmoid, "
                "Tanh, Softplus, MaxPool2d and linear parts"
            )


class RescaleRule(Attribution):
    """An attribution by DeepLIFT's rescale rule, which must add up.

    The network's copy has its activations as modules, each used once; the classifier itself is
    left alone. ``details["gap"]`` is the attributions' sum less the difference of the logits.
    """

    config: RescaleConfig

    def _explain(self, inputs: Tensor, target: Tensor, context: Context) -> Explanation:
        attribute = self._attribution(context)
        explanation = self._in_batches(attribute, inputs, target, context)
        # Over all images at once: by batches, how many there are would decide.
        attribute.require(self.config.tolerance, self.name)
        return explanation

    def _attribution(self, context: Context) -> Completeness:
        model = context.classifier.model
        network, doubt = rescalable(model)
        return Completeness(model, self._rule(network, context), doubt)

    @abstractmethod
    def _rule(self, network: nn.Module, context: Context) -> Rule:
        """Return the rule in the network's copy."""


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
            What an image is compared with: black, grey, or its own mean colour.
        """

        baseline: Baseline = NOTHING

    config: Config

    def _rule(self, network: nn.Module, context: Context) -> Rule:  # noqa: ARG002
        deep_lift = attr.DeepLift(network)

        def rule(images: Tensor, target: Tensor) -> Rescaled:
            baselines = baseline_of(images, self.config.baseline)
            with _following(self.name):
                values = deep_lift.attribute(images.requires_grad_(), baselines, target=target)
            return Rescaled(values, baselines[:, None])

        return rule


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
            How many training images are drawn as baselines.
        """

        baselines: int = Field(default=20, ge=2)

    config: Config

    @property
    def _passes(self) -> int:
        return self.config.baselines

    def _rule(self, network: nn.Module, context: Context) -> Rule:
        classifier, train = context.classifier, context.dataset.train
        chosen = torch.randperm(len(train), generator=context.rng)[: self.config.baselines]
        baselines = train.images[chosen].to(classifier.device)
        if len(baselines) < 2:
            raise CapabilityError("deep-shap needs two or more training images as baselines")
        deep_shap = attr.DeepLiftShap(network)

        def rule(images: Tensor, target: Tensor) -> Rescaled:
            with _following(self.name):
                values = deep_shap.attribute(images.requires_grad_(), baselines, target=target)
            return Rescaled(values, baselines.expand(len(images), *baselines.shape))

        return rule


@contextmanager
def _following(name: str) -> Iterator[None]:
    """Keep captum's announcement of its hooks away, and tell what its errors mean."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
            yield
    except (AssertionError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise CapabilityError(
            f"{name} cannot follow this network ({str(error).splitlines()[0]}); "
            "use integrated-gradients"
        ) from error
