"""Bias detection: attributes that change with the class, more than for an unbiased classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.metric import Estimate, MetricResult, MetricUndefinedError, RunMetric, ScoringInputs
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.complement import ComplementedCode, in_batches
from causalxai_dvae.probe import AttributeProbe, ProbeConfig, fit_probe

Values = NDArray[np.float64]

_RESAMPLES = 2000
_PAPER = (
    "Gat, Lorberbom, Schwartz, Hazan, Latent space explanation by intervention, AAAI 2022, "
    "dataset bias"
)


class AttributeChange(RunMetric):
    """The difference of an attribute between the pictures of the second and the first class.

    Each image is rendered twice, from its code and from the code with all bits flipped, that is,
    once as each class. A probe reads the attribute from both pictures. The value is the mean
    difference, oriented towards the second class: if it is positive, the second class is pictured
    with the attribute. Images whose prediction does not change are left out, and both classes'
    images have equal weight. There must be two classes.

    The images are from ``dataset.test``, with equal numbers of each class with and without the
    attribute. A correlation in the pictures is then one for the classifier, and not only one in the
    data.

    **This is not yet the classifier's bias**: a generator that was trained on biased images shows a
    bias even for an unbiased classifier. ``Bias`` subtracts this.

    ``chance`` reads the pairs in random order. The parts are: ``in the predictions``, the
    difference of the attribute between the images that the classifier assigns to the two classes,
    which the pictures should show; ``in the data``, that between the classes' training images; and
    the quality of the probe.
    """

    name = "attribute-change"
    higher_is_better = None
    value_range = (None, None)
    reference = f"{_PAPER}, figure 4"
    requires = frozenset({Capability.CONCEPTS, Capability.OBSERVATIONS})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        attribute
            A boolean concept of the data set.
        images
            The largest number of images, a quarter of each combination of class and attribute.
        probe
            Settings of how the attribute is read from pictures.
        """

        attribute: str
        images: PositiveInt = 500
        probe: ProbeConfig = ProbeConfig()

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        space = expect(inputs.need_space(), BitSpace, self.name)
        pictured = _Pictured.of(inputs, self.config)
        changes = pictured.changes(space)
        rng = numpy_generator(inputs.rng)
        return MetricResult(
            self.name,
            estimate=changes.estimate(rng),
            chance=changes.turned_at_random(rng).estimate(rng),
            parts=pictured.facts(inputs),
        )


class Bias(RunMetric):
    """An attribute's change with the class, minus the same for unbiased reference classifiers.

    The references are classifiers of the same kind, trained on ``dataset.reference``, whose
    attributes are independent of the classes. Each has its own code and generator, trained on the
    same images as those of the explained classifier. A change that they show is an artefact of the
    generator or of a single training. The value is the difference from their mean. Its interval is
    that of a new draw among the references (a Student t prediction interval), widened by the
    sampling variance over images. A bias is *called* if the interval of ``level`` excludes 0.

    The parts are the change before the subtraction (``attribute-change``), the ``noise floor``
    (half the width of the interval of ``level``), 1 or 0 for ``called``, and the parts of
    ``attribute-change``. The control ``unbiased`` is one more unbiased classifier measured the same
    way, ``unbiased called`` is whether a bias was called for it, a false positive. There must be
    two classes.
    """

    name = "bias"
    higher_is_better = None
    value_range = (None, None)
    reference = f"{_PAPER}; the subtraction is ours"
    requires = frozenset({Capability.CONCEPTS, Capability.OBSERVATIONS, Capability.REFERENCE})

    class Config(AttributeChange.Config):
        """Settings, in addition to those of ``attribute-change``.

        Parameters
        ----------
        references
            The number of unbiased classifiers that are trained for comparison.
        level
            Level of the interval that calls a bias, in (0, 1).
        """

        references: int = Field(8, ge=2)
        level: float = Field(0.99, gt=0, lt=1)

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        space = expect(inputs.need_space(), BitSpace, self.name)
        pictured = _Pictured.of(inputs, self.config)
        changes = pictured.changes(space)
        control, *unbiased = self._unbiased(inputs, space, pictured)
        rng = numpy_generator(inputs.rng)
        called = _Call.of(changes, unbiased, self.config.level)
        false_alarm = _Call.of(control, unbiased, self.config.level)
        facts = {
            "attribute-change": changes.estimate(rng),
            "noise floor": Estimate(called.floor, n=len(unbiased)),
            "called": Estimate(float(called.called)),
        }
        return MetricResult(
            self.name,
            estimate=called.estimate,
            chance=Estimate(0.0),
            parts=facts | pictured.facts(inputs),
            controls={
                "unbiased": false_alarm.estimate,
                "unbiased called": Estimate(float(false_alarm.called)),
            },
        )

    def _unbiased(
        self, inputs: ScoringInputs, space: BitSpace, pictured: _Pictured
    ) -> list[_Changes]:
        """Return the changes of ``references + 1`` unbiased classifiers."""
        found = []
        with inputs.progress.task("unbiased references", self.config.references + 1) as advance:
            for _ in range(self.config.references + 1):
                fitted = BitSpace(space.config)
                fitted.learn(_unbiased_classifier(inputs), inputs.dataset, rng=inputs.rng)
                found.append(pictured.changes(fitted))
                advance(1)
        return found


@dataclass(frozen=True)
class _Changes:
    """Signed changes of the images of each class; both classes have equal weight."""

    of: tuple[Values, Values]

    @property
    def mean(self) -> float:
        return float(np.mean([one.mean() for one in self.of]))

    @property
    def variance(self) -> float:
        """The variance of the mean."""
        return float(sum(one.var(ddof=1) / len(one) for one in self.of) / 4)

    def estimate(self, rng: np.random.Generator) -> Estimate:
        """Return the mean with its interval.

        Each end is the farther one of the percentile interval of a bootstrap within the classes
        and of Student's t with Welch's degrees of freedom.
        """
        drawn = np.mean(
            [rng.choice(one, (_RESAMPLES, len(one))).mean(axis=1) for one in self.of], axis=0
        )
        low, high = np.percentile(drawn, (2.5, 97.5))
        half = self._half_width()
        return Estimate(
            self.mean,
            min(float(low), self.mean - half),
            max(float(high), self.mean + half),
            sum(map(len, self.of)),
        )

    def _half_width(self) -> float:
        """Return half of Welch's 95 % interval; 0 where no change varies."""
        if self.variance == 0:
            return 0.0
        shares = [one.var(ddof=1) / len(one) / 4 for one in self.of]
        spent = sum(share**2 / (len(one) - 1) for share, one in zip(shares, self.of, strict=True))
        return float(scipy.stats.t.ppf(0.975, self.variance**2 / spent) * self.variance**0.5)

    def turned_at_random(self, rng: np.random.Generator) -> _Changes:
        first, second = (one * rng.choice([-1, 1], len(one)) for one in self.of)
        return _Changes((first, second))


@dataclass(frozen=True)
class _Call:
    """The difference of a classifier's changes from the references', and whether it is a bias."""

    estimate: Estimate
    floor: float

    @classmethod
    def of(cls, changes: _Changes, unbiased: Sequence[_Changes], level: float) -> _Call:
        references = np.array([one.mean for one in unbiased])
        r = len(references)
        spread = float(np.sqrt(references.var(ddof=1) * (1 + 1 / r) + changes.variance))
        half, floor = (
            float(scipy.stats.t.ppf((1 + one) / 2, r - 1)) * spread for one in (0.95, level)
        )
        value = changes.mean - float(references.mean())
        return cls(Estimate(value, value - half, value + half, n=r), floor)

    @property
    def called(self) -> bool:
        return abs(self.estimate.value) > self.floor


@dataclass(frozen=True)
class _Pictured:
    """Images, and a probe that reads the attribute from their pictures."""

    probe: AttributeProbe
    column: int
    images: Tensor
    attribute: Tensor

    @classmethod
    def of(cls, inputs: ScoringInputs, config: AttributeChange.Config) -> _Pictured:
        if len(inputs.classifier.class_names) != 2:
            raise MetricUndefinedError("it needs a classifier with two classes")
        dataset = inputs.dataset
        probe = fit_probe(dataset, config.probe, device=inputs.classifier.device, rng=inputs.rng)
        column = probe.column(config.attribute)
        if not bool(probe.boolean[column]):
            raise CapabilityError(f"{config.attribute!r} is not a boolean attribute")
        if not bool(probe.readable[column]):
            raise MetricUndefinedError(f"{config.attribute!r} cannot be read from images")
        assert dataset.test.concepts is not None
        attribute = dataset.test.concepts[:, column]
        rows = _as_many_of_each(2 * dataset.test.labels + attribute, config.images, inputs.rng)
        return cls(probe, column, dataset.test.images[rows], attribute[rows])

    def changes(self, space: BitSpace) -> _Changes:
        """Return the signed change of the reading for images whose prediction changes."""
        found = ComplementedCode.of(
            space.autoencoder_, space.layer_, space.activations(self.images)
        )
        read, read_flipped = (self._read(space, phi) for phi in (found.kept, found.flipped))
        toward = torch.where(found.classes_kept == 1, 1, -1) * (read - read_flipped)
        first, second = (
            np.asarray(
                toward[found.prediction_changed & (found.classes_kept == one)]
                .cpu()
                .double()
                .numpy()
            )
            for one in (0, 1)
        )
        if min(len(first), len(second)) < 2:
            raise MetricUndefinedError("the flip changes fewer than two predictions of a class")
        return _Changes((first, second))

    def facts(self, inputs: ScoringInputs) -> dict[str, Estimate]:
        """Return the attribute's gaps in predictions and data, and the probe's quality."""
        train = inputs.dataset.train
        assert train.concepts is not None
        predicted = inputs.classifier.predict(self.images).cpu()
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


def _as_many_of_each(kinds: Tensor, most: int, rng: torch.Generator) -> Tensor:
    """Draw rows with equal numbers of the four kinds 0 to 3, at most ``most`` in all."""
    order = torch.randperm(len(kinds), generator=rng)
    each = [order[kinds[order] == kind] for kind in range(4)]
    fewest = min(most // 4, *map(len, each))
    if fewest == 0:
        raise MetricUndefinedError(
            "a class has no test image with the attribute, or none without it: the class and the "
            "attribute cannot be distinguished"
        )
    return torch.cat([rows[:fewest] for rows in each])


def _gap(attribute: Tensor, classes: Tensor) -> Estimate:
    """Return the difference of an attribute's frequency between the second and the first class."""
    shares = [attribute[classes == one].double().mean() for one in (0, 1)]
    return Estimate(float(shares[1] - shares[0]), n=len(classes))


def _unbiased_classifier(inputs: ScoringInputs) -> Classifier:
    """Train a classifier of the same kind on images whose attributes are independent."""
    dataset = inputs.dataset
    assert dataset.reference is not None
    if inputs.source is None:
        raise CapabilityError("an unbiased classifier needs a classifier source that trains it")
    classifier = inputs.source.fit(
        replace(dataset, train=dataset.reference),
        rng=inputs.rng,
        device=inputs.classifier.device,
    )
    own, explained = classifier.model.state_dict(), inputs.classifier.model.state_dict()
    if all(torch.equal(own[name], explained[name]) for name in explained):
        raise CapabilityError(
            "an unbiased classifier of the same kind can be trained only where the explained one "
            "is trained here; use attribute-change for a network of your own"
        )
    return classifier
