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
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.flipped import Flipped, in_batches
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
    whose prediction does not turn are left out, and both classes' images count alike. Two classes
    only.

    Asked are images that the classifier has not learned from: of ``dataset.reference`` where there
    are such (their attributes are independent of the classes, so that what goes together in the
    pictures does so for the classifier), else of ``dataset.test``.

    **This is not yet the classifier's bias**: a generator that learned from biased images invents
    bias for an unbiased classifier. ``Bias`` subtracts that.

    ``chance`` reads pairs the one or the other way round, at random. The parts: ``in the
    predictions``, the difference of the attribute itself between the images that the classifier
    puts into the classes, which the pictures should show; ``in the data``, that between the
    classes' training images; and how well the probe reads.
    """

    name = "attribute-change"
    higher_is_better = None
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
            How many images are asked at most; of references, no more than half of them.
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
            parts=pictured.facts(context),
        )


class Bias(Metric):
    """An attribute's change with the class, minus the same for unbiased reference classifiers.

    The references are classifiers of the same kind, trained on ``dataset.reference``, whose
    attributes are independent of the classes, but for its last images, which are asked. Each gets
    a code and a generator of its own, learned from the same images as the explained classifier's.
    What they show is invented, or an accident of one training. The value is the difference from
    their mean; its interval is that of a new draw among the references (a Student t prediction
    interval), widened by the images' own spread. A bias is *called* where the interval of
    ``level`` leaves out 0.

    The parts tell the change before the subtraction (``attribute-change``), the ``noise floor``
    (half the width of the interval of ``level``), 1 or 0 for ``called``, and what
    ``attribute-change`` tells. The control ``unbiased`` is one more unbiased classifier measured
    the same way, ``unbiased called`` whether a bias was called for it: a false alarm. Two classes
    only.
    """

    name = "bias"
    higher_is_better = None
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
            Of the interval that calls a bias, in (0, 1).
        """

        references: int = Field(8, ge=2)
        level: float = Field(0.99, gt=0, lt=1)

    config: Config

    def _compute(self, explanation: Explanation, context: Context) -> MetricResult:  # noqa: ARG002
        space = context.expect(BitSpace, self.name)
        pictured = _Pictured.of(context, self.config)
        changes = pictured.changes(space)
        control, *unbiased = self._unbiased(context, space, pictured)
        rng = numpy_generator(context.rng)
        called = _Call.of(changes, unbiased, self.config.level)
        false_alarm = _Call.of(control, unbiased, self.config.level)
        facts = {
            "attribute-change": Estimate.mean(changes, rng),
            "noise floor": Estimate(called.floor, n=len(unbiased)),
            "called": Estimate(float(called.called)),
        }
        return MetricResult(
            self.name,
            estimate=called.estimate,
            chance=Estimate(0.0),
            parts=facts | pictured.facts(context),
            controls={
                "unbiased": false_alarm.estimate,
                "unbiased called": Estimate(float(false_alarm.called)),
            },
        )

    def _unbiased(
        self, context: Context, space: BitSpace, pictured: _Pictured
    ) -> list[NDArray[np.float64]]:
        """Return the changes that unbiased classifiers show, one more than ``references``."""
        assert context.dataset.reference is not None
        unasked = context.dataset.reference[: -len(pictured.images)]
        found = []
        with context.progress.task("unbiased references", self.config.references + 1) as advance:
            for _ in range(self.config.references + 1):
                classifier = _trained_alike(context, unasked)
                fitted = BitSpace(space.config)
                fitted.learn(classifier, context.dataset, rng=context.rng)
                found.append(pictured.changes(fitted))
                advance(1)
        return found


@dataclass(frozen=True)
class _Call:
    """How far a classifier's changes lie from the references', and whether that is a bias."""

    estimate: Estimate
    floor: float

    @classmethod
    def of(
        cls, changes: NDArray[np.float64], unbiased: list[NDArray[np.float64]], level: float
    ) -> _Call:
        references = np.array([one.mean() for one in unbiased])
        r = len(references)
        drawn = references.var(ddof=1) * (1 + 1 / r) + changes.var(ddof=1) / len(changes)
        half, floor = (
            float(stats.t.ppf((1 + share) / 2, r - 1) * np.sqrt(drawn)) for share in (0.95, level)
        )
        value = float(changes.mean() - references.mean())
        return cls(Estimate(value, value - half, value + half, n=r), floor)

    @property
    def called(self) -> bool:
        return abs(self.estimate.value) > self.floor


@dataclass(frozen=True)
class _Pictured:
    """Images to ask about, and a probe to read what is painted of them."""

    probe: AttributeProbe
    column: int
    images: Tensor
    attribute: Tensor

    @classmethod
    def of(cls, context: Context, config: AttributeChange.Config) -> _Pictured:
        if len(context.classifier.class_names) != 2:
            raise MetricUndefinedError("it needs a classifier of two classes")
        dataset = context.dataset
        probe = fit_probe(dataset, config.probe, device=context.classifier.device, rng=context.rng)
        column = probe.column(config.attribute)
        if not bool(probe.boolean[column]):
            raise CapabilityError(f"{config.attribute!r} is no boolean attribute")
        if not bool(probe.readable[column]):
            raise MetricUndefinedError(f"{config.attribute!r} cannot be read off images")
        asked = _asked(dataset, config.images)
        assert asked.concepts is not None
        return cls(probe, column, asked.images, asked.concepts[:, column])

    def changes(self, space: BitSpace) -> NDArray[np.float64]:
        """Return, for each image whose prediction turns, the probe's signed change.

        They are so weighted that their mean is that of both classes' means.
        """
        found = Flipped.of(space.autoencoder_, space.layer_, space.activations(self.images))
        read, read_flipped = (self._read(space, phi) for phi in (found.kept, found.flipped))
        toward = torch.where(found.classes_kept == 1, 1, -1) * (read - read_flipped)
        changes, classes = toward[found.turned], found.classes_kept[found.turned]
        counts = classes.bincount(minlength=2)
        if int(counts.min()) < 2:
            raise MetricUndefinedError("the flip turns fewer than two predictions of a class")
        weights = len(changes) / (2 * counts[classes])
        return np.asarray((changes * weights).cpu().double().numpy())

    def facts(self, context: Context) -> dict[str, Estimate]:
        """Return what the data hold, what the classifier predicts and how well the probe reads."""
        train = context.dataset.train
        assert train.concepts is not None
        predicted = context.classifier.predict(self.images).cpu()
        return {
            "in the predictions": _gap(self.attribute, predicted),
            "in the data": _gap(train.concepts[:, self.column], train.labels),
            "probe's accuracy": Estimate(float(self.probe.held_out[self.column])),
        }

    def _read(self, space: BitSpace, activations: Tensor) -> Tensor:
        def read(phi: Tensor) -> Tensor:
            return self.probe.read(space.generator_.paint(phi))[:, self.column]

        with torch.no_grad():
            return in_batches(read, activations)


def _asked(dataset: Dataset, most: int) -> Split:
    """Return images that no classifier has learned from."""
    if dataset.reference is None:
        return dataset.test[:most]
    return dataset.reference[-min(most, len(dataset.reference) // 2) :]


def _gap(attribute: Tensor, classes: Tensor) -> Estimate:
    """Return how much more often the second class has an attribute than the first."""
    shares = [attribute[classes == one].double().mean() for one in (0, 1)]
    return Estimate(float(shares[1] - shares[0]), n=len(classes))


def _trained_alike(context: Context, split: Split) -> Classifier:
    """Train a classifier of the explained one's kind on other images."""
    if context.source is None:
        raise CapabilityError("an unbiased classifier needs a source that trains it")
    classifier = context.source.fit(
        replace(context.dataset, train=split),
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
