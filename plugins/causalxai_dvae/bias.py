"""Bias detection: what changes with the class, beyond what an unbiased classifier shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy import stats
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.context import Context
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.probe import AttributeProbe, ProbeConfig, fit_probe

_PAPER = (
    "Gat, Lorberbom, Schwartz, Hazan, Latent space explanation by intervention, AAAI 2022, "
    "dataset bias"
)


class AttributeChange(Metric):
    """How much more of an attribute the pictures of the second class show than those of the first.

    Each image is painted twice, from its code and from the code with all bits flipped: once as
    each class. A probe reads the attribute off both; the value is the mean difference, oriented
    toward the second class. Positive: the second class is pictured with the attribute. Images
    whose prediction does not turn are left out. Two classes only.

    **This is not yet the classifier's bias**: a generator that learned from biased images invents
    bias for an unbiased classifier. ``Bias`` subtracts that.

    ``chance`` reads another image's pair the other way round, at random. The part ``in the data``
    is the difference of the attribute between the classes' training images.
    """

    name = "attribute-change"
    higher_is_better = True
    value_range = (None, None)
    reference = f"{_PAPER}, figure 4"
    requires: ClassVar[frozenset[str]] = frozenset({"space", "observations"})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        attribute
            A boolean concept of the data set.
        images
            How many held-out images at most.
        probe
            How the attribute is read off pictures.
        """

        attribute: str
        images: PositiveInt = 500
        probe: ProbeConfig = ProbeConfig()

    config: Config

    def _compute(self, explanation: Explanation, context: Context) -> MetricResult:  # noqa: ARG002
        space = context.expect(BitSpace, self.name)
        pictured = _Pictured.of(context, self.config)
        changes = pictured.changes(space)
        rng = numpy_generator(context.rng)
        return MetricResult(
            self.name,
            estimate=Estimate.mean(changes, rng),
            chance=Estimate.mean(changes * rng.choice([-1, 1], len(changes)), rng),
            parts=pictured.facts(context.dataset),
        )


class Bias(Metric):
    """An attribute's change with the class, minus the same for unbiased reference classifiers.

    The references are classifiers of the same kind, trained on ``dataset.reference``, whose
    attributes are independent of the classes; each gets a code and a generator of its own, learned
    from the same images as the explained classifier's. What they show is invented. The value is
    the difference from their mean; its interval is that of a new draw among the references (a
    Student t prediction interval of ``level``), widened by the images' own spread. A bias is
    *called* where the interval leaves out 0.

    The parts tell the change before the subtraction (``attribute-change``), the ``noise floor``
    (half the interval's width), what is ``in the data``, and 1 or 0 for ``called``. The control
    ``unbiased`` is one more unbiased classifier measured the same way, ``unbiased called`` whether
    a bias was called for it: a false alarm. Two classes only.
    """

    name = "bias"
    higher_is_better = True
    value_range = (None, None)
    reference = f"{_PAPER}; the subtraction is ours"
    requires: ClassVar[frozenset[str]] = frozenset({"space", "observations", "reference"})

    class Config(AttributeChange.Config):
        """Settings, beside those of ``attribute-change``.

        Parameters
        ----------
        references
            Unbiased classifiers that are trained to compare with.
        level
            Of the interval, in (0, 1).
        """

        references: int = Field(5, ge=2)
        level: float = Field(0.99, gt=0, lt=1)

    config: Config

    def _compute(self, explanation: Explanation, context: Context) -> MetricResult:  # noqa: ARG002
        space = context.expect(BitSpace, self.name)
        pictured = _Pictured.of(context, self.config)
        changes = pictured.changes(space)
        unbiased = self._unbiased(context, space, pictured)
        references = np.array([changes.mean() for changes in unbiased[1:]])
        explained = self._difference(changes, references)
        control = self._difference(unbiased[0], references)
        rng = numpy_generator(context.rng)
        assert explained.low is not None
        facts = {
            "attribute-change": Estimate.mean(changes, rng),
            "noise floor": Estimate(explained.value - explained.low, n=len(references)),
            "called": Estimate(float(_leaves_out_zero(explained))),
        }
        return MetricResult(
            self.name,
            estimate=explained,
            chance=Estimate(0.0),
            parts=facts | pictured.facts(context.dataset),
            controls={
                "unbiased": control,
                "unbiased called": Estimate(float(_leaves_out_zero(control))),
            },
        )

    def _unbiased(
        self, context: Context, space: BitSpace, pictured: _Pictured
    ) -> list[NDArray[np.float64]]:
        """Return the changes that unbiased classifiers show, one more than ``references``."""
        found = []
        with context.progress.task("unbiased references", self.config.references + 1) as advance:
            for _ in range(self.config.references + 1):
                classifier = _unbiased_classifier(context)
                fitted = BitSpace(space.config).fit(classifier, context.dataset, rng=context.rng)
                found.append(pictured.changes(fitted))
                advance(1)
        return found

    def _difference(
        self, changes: NDArray[np.float64], references: NDArray[np.float64]
    ) -> Estimate:
        """Return how far a classifier's changes lie from the references', with the interval."""
        r = len(references)
        drawn = references.var(ddof=1) * (1 + 1 / r) + changes.var(ddof=1) / len(changes)
        half = float(stats.t.ppf((1 + self.config.level) / 2, r - 1) * np.sqrt(drawn))
        value = float(changes.mean() - references.mean())
        return Estimate(value, value - half, value + half, n=len(changes))


@dataclass(frozen=True)
class _Pictured:
    """Held-out images, and a probe to read what is painted of them."""

    probe: AttributeProbe
    attribute: str
    images: Tensor

    @classmethod
    def of(cls, context: Context, config: AttributeChange.Config) -> _Pictured:
        if len(context.classifier.class_names) != 2:
            raise MetricUndefinedError("it needs a classifier of two classes")
        probe = fit_probe(
            context.dataset, config.probe, device=context.classifier.device, rng=context.rng
        )
        if not bool(probe.boolean[probe.column(config.attribute)]):
            raise CapabilityError(f"{config.attribute!r} is no boolean attribute")
        test = context.dataset.test.images
        rows = torch.randperm(len(test), generator=context.rng)[: config.images]
        return cls(probe, config.attribute, test[rows])

    def changes(self, space: BitSpace) -> NDArray[np.float64]:
        """Return, for each image whose prediction turns, the probe's signed change."""
        decode, logits = space.autoencoder_.decode, space.layer_.logits
        with torch.no_grad():
            code = space.autoencoder_.code(space.activations(self.images))
            one, other = decode(code), decode(1 - code)
            second, turned = (logits(one).argmax(dim=1), logits(other).argmax(dim=1))
            column = self.probe.column(self.attribute)
            read = [self.probe.read(space.generator_.paint(phi))[:, column] for phi in (one, other)]
        toward = torch.where(second == 1, read[0] - read[1], read[1] - read[0])
        turns = second != turned
        if int(turns.sum()) < 2:
            raise MetricUndefinedError("the flip turns fewer than two predictions")
        return np.asarray(toward[turns].cpu().double().numpy())

    def facts(self, dataset: Dataset) -> dict[str, Estimate]:
        """Return what the training data hold, and how well the probe reads."""
        assert dataset.train.concepts is not None
        column = self.probe.column(self.attribute)
        values, labels = dataset.train.concepts[:, column], dataset.train.labels
        gap = values[labels == 1].mean() - values[labels == 0].mean()
        return {
            "in the data": Estimate(float(gap), n=len(labels)),
            "probe's accuracy": Estimate(float(self.probe.held_out[column])),
        }


def _unbiased_classifier(context: Context) -> Classifier:
    """Train a classifier of the same kind on images whose attributes are independent."""
    dataset = context.dataset
    if context.source is None:
        raise CapabilityError("an unbiased classifier needs a source that trains it")
    assert dataset.reference is not None
    classifier = context.source.fit(
        replace(dataset, train=dataset.reference),
        rng=context.rng,
        device=context.classifier.device,
    )
    own, explained = classifier.model.state_dict(), context.classifier.model.state_dict()
    if all(torch.equal(own[name], explained[name]) for name in explained):
        raise CapabilityError(
            "an unbiased classifier of the same kind can be trained only where the explained one "
            "is trained here; use attribute-change for a network of your own"
        )
    return classifier


def _leaves_out_zero(estimate: Estimate) -> bool:
    assert estimate.low is not None and estimate.high is not None
    return estimate.low > 0 or estimate.high < 0
