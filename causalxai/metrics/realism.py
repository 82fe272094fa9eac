"""Realism: whether pictures after an intervention look like images, to the classifier."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.pictures import features, pictures
from causalxai.metrics.random_changes import ChangesConfig, RandomChanges
from causalxai.metrics.resampling import Rows, halved
from causalxai.seeding import numpy_generator

_DEGREE = 3
_FEWEST = 4

_Values = NDArray[np.float64]


class Realism(Metric):
    """The kernel distance between pictures after interventions and test images.

    One concept of each image is set to its value in another image, a boolean one to the opposite.
    The score is the unbiased estimate of the squared maximum mean discrepancy between the oracle's
    pictures and test images, with the kernel ``(x . y / l + 1)^3``. x and y are the ``l`` inputs of
    the classifier's last layer, each standardised by the test images. 0 means that the classifier
    cannot tell the pictures from images; the estimate can be slightly below 0.

    ``chance`` shuffles the pixels of the pictures. The part ``test images`` is the distance between
    two halves of the test images, and tells how far from 0 the score of images can be by chance.

    The metric scores the oracle. Of the explanation it uses only the images. The classifier has
    seen neither kind of picture as a judge of realism: what it ignores is not compared.
    """

    name = "realism"
    higher_is_better = False
    value_range = (None, None)
    reference = (
        "Binkowski, Sutherland, Arbel, Gretton (2018): Demystifying MMD GANs, ICLR, section 4; "
        "here in the features of the classifier"
    )
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})
    about_concepts = True

    class Config(ChangesConfig):
        """Settings, in addition to those of the changes, of which there are more images here.

        Parameters
        ----------
        images
            The maximum number of images.
        compared
            The maximum number of test images with which pictures are compared.
        """

        images: int = Field(default=100, ge=_FEWEST)
        compared: int = Field(default=500, ge=2 * _FEWEST)

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        config, test = self.config, inputs.dataset.test
        changes = RandomChanges.draw(explanation, inputs, config)
        if len(changes.rows) < _FEWEST or len(test) < 2 * _FEWEST:
            raise MetricUndefinedError(
                f"a distance between distributions takes {_FEWEST} images to explain and "
                f"{2 * _FEWEST} test images"
            )
        shown = _one_concept_each(changes, inputs.rng)
        real_rows = torch.randperm(len(test), generator=inputs.rng)[: config.compared]
        real, remark = features(changes.oracle, test.images[real_rows])
        scale = _Standardised.by(real)
        pixels = shown.flatten(2)
        order = torch.rand(len(shown), 1, pixels.shape[2], generator=inputs.rng).argsort(dim=2)
        noise = pixels.gather(2, order.expand_as(pixels)).view_as(shown)
        images, half = scale(real), len(real) // 2
        rng = numpy_generator(inputs.rng)

        def distance(pictures: _Values, compared: _Values) -> Estimate:
            def of(rows: Rows) -> float:
                return squared_discrepancy(pictures[rows], compared)

            return halved(of, len(pictures), rng)

        seen = (scale(features(changes.oracle, one)[0]) for one in (shown, noise))
        by_pictures, by_noise = (distance(one, images) for one in seen)
        return MetricResult(
            self.name,
            estimate=by_pictures,
            chance=by_noise,
            parts={"test images": distance(images[:half], images[half:])},
            reason="; ".join(one for one in (changes.remark, remark) if one),
        )


def squared_discrepancy(one: _Values, other: _Values) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy.

    Parameters
    ----------
    one, other
        ``[n, l]`` and ``[m, l]``, two or more samples each; the kernel is ``(x . y / l + 1)^3``.
    """

    def within(samples: _Values) -> float:
        table, n = _kernel(samples, samples), len(samples)
        return float((table.sum() - np.trace(table)) / (n * (n - 1)))

    return within(one) + within(other) - 2 * float(_kernel(one, other).mean())


def _kernel(one: _Values, other: _Values) -> _Values:
    table: _Values = (one @ other.T / one.shape[1] + 1) ** _DEGREE
    return table


class _Standardised:
    """Standardises features by those of test images."""

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        self._mean, self._spread = mean, spread

    @classmethod
    def by(cls, real: Tensor) -> _Standardised:
        """Return what standardises features as these, ``[m, l]``; constant ones stay 0."""
        spread = real.std(dim=0)
        return cls(real.mean(dim=0), torch.where(spread > 0, spread, 1.0))

    def __call__(self, features: Tensor) -> _Values:
        standard: _Values = ((features - self._mean) / self._spread).numpy()
        return standard


def _one_concept_each(changes: RandomChanges, rng: torch.Generator) -> Tensor:
    """Return a picture of each image after an intervention on one of its concepts, drawn evenly."""
    n, m = len(changes.rows), len(changes.places)
    whose = torch.randperm(n, generator=rng) % m
    shown: Tensor | None = None
    for at, (place, new) in enumerate(zip(changes.places, changes.set_to, strict=True)):
        rows = (whose == at).nonzero()[:, 0]
        if not len(rows):
            continue
        some = pictures(changes.oracle, changes.units[rows], changes.setting(place, new[rows]))[0]
        shown = some.new_empty(n, *some.shape[1:]) if shown is None else shown
        shown[rows] = some
    assert shown is not None
    return shown
