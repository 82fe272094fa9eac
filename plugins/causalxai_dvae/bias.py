"""Bias detection: what changes with the class, beyond what an unbiased classifier shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from scipy import stats
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
    """How much more of an attribute the pictures of the second class show than those of the first.

    Each image is painted twice, from its code and from the code with all bits flipped: once as
    each class. A probe reads the attribute off both; the value is the mean difference, oriented
    toward the second class. Positive: the second class is pictured with the attribute. Images
    whose prediction does not turn are left out, and both classes' images count alike. Two classes
    only.

    Asked are images of ``dataset.test``, as many of either class with the attribute as without:
    what goes together in the pictures then does so for the classifier, and not only in the data.

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
    requires = frozenset({Capability.CONCEPTS, Capability.OBSERVATIONS})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        attribute
            A boolean concept of the data set.
        images
            How many images are asked at most, a quarter of each kind.
        probe
            How the attribute is read off pictures.
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
    attributes are independent of the classes. Each gets a code and a generator of its own, learned
    from the same images as the explained classifier's.
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
    requires = frozenset({Capability.CONCEPTS, Capability.OBSERVATIONS, Capability.REFERENCE})

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
        """Return the changes that unbiased classifiers show, one more than ``references``."""
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
    """Signed changes of the images of either class; both classes count alike."""

    of: tuple[Values, Values]

    @property
    def mean(self) -> float:
        return float(np.mean([one.mean() for one in self.of]))

    @property
    def variance(self) -> float:
        """Of the mean."""
        return float(sum(one.var(ddof=1) / len(one) for one in self.of) / 4)

    def estimate(self, rng: np.random.Generator) -> Estimate:
        """Return the mean with a percentile bootstrap interval, drawn within the classes."""
        drawn = np.mean(
            [rng.choice(one, (_RESAMPLES, len(one))).mean(axis=1) for one in self.of], axis=0
        )
        low, high = np.percentile(drawn, (2.5, 97.5))
        return Estimate(self.mean, float(low), float(high), sum(map(len, self.of)))

    def turned_at_random(self, rng: np.random.Generator) -> _Changes:
        first, second = (one * rng.choice([-1, 1], len(one)) for one in self.of)
        return _Changes((first, second))


@dataclass(frozen=True)
class _Call:
    """How far a classifier's changes lie from the references', and whether that is a bias."""

    estimate: Estimate
    floor: float

    @classmethod
    def of(cls, changes: _Changes, unbiased: Sequence[_Changes], level: float) -> _Call:
        references = np.array([one.mean for one in unbiased])
        r = len(references)
        spread = float(np.sqrt(references.var(ddof=1) * (1 + 1 / r) + changes.variance))
        half, floor = (float(stats.t.ppf((1 + one) / 2, r - 1)) * spread for one in (0.95, level))
        value = changes.mean - float(references.mean())
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
    def of(cls, inputs: ScoringInputs, config: AttributeChange.Config) -> _Pictured:
        if len(inputs.classifier.class_names) != 2:
            raise MetricUndefinedError("it needs a classifier of two classes")
        dataset = inputs.dataset
        probe = fit_probe(dataset, config.probe, device=inputs.classifier.device, rng=inputs.rng)
        column = probe.column(config.attribute)
        if not bool(probe.boolean[column]):
            raise CapabilityError(f"{config.attribute!r} is no boolean attribute")
        if not bool(probe.readable[column]):
            raise MetricUndefinedError(f"{config.attribute!r} cannot be read off images")
        assert dataset.test.concepts is not None
        attribute = dataset.test.concepts[:, column]
        rows = _as_many_of_each(2 * dataset.test.labels + attribute, config.images, inputs.rng)
        return cls(probe, column, dataset.test.images[rows], attribute[rows])

    def changes(self, space: BitSpace) -> _Changes:
        """Return, for each image whose prediction turns, the probe's signed change."""
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
            raise MetricUndefinedError("the flip turns fewer than two predictions of a class")
        return _Changes((first, second))

    def facts(self, inputs: ScoringInputs) -> dict[str, Estimate]:
        """Return what the data hold, what the classifier predicts and how well the probe reads."""
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
    """Draw rows, as many of each of the four kinds 0 to 3; as many as there are, or ``most``."""
    order = torch.randperm(len(kinds), generator=rng)
    each = [order[kinds[order] == kind] for kind in range(4)]
    fewest = min(most // 4, *map(len, each))
    if fewest == 0:
        raise MetricUndefinedError(
            "a class has no test image with the attribute, or none without: what goes together in "
            "all data can't be told apart"
        )
    return torch.cat([rows[:fewest] for rows in each])


def _gap(attribute: Tensor, classes: Tensor) -> Estimate:
    """Return how much more often the second class has an attribute than the first."""
    shares = [attribute[classes == one].double().mean() for one in (0, 1)]
    return Estimate(float(shares[1] - shares[0]), n=len(classes))


def _unbiased_classifier(inputs: ScoringInputs) -> Classifier:
    """Train a classifier of the same kind on images whose attributes are independent."""
    dataset = inputs.dataset
    assert dataset.reference is not None
    if inputs.source is None:
        raise CapabilityError("an unbiased classifier needs a source that trains it")
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
