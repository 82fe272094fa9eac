"""Stability: how much explanations change when their images change slightly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from causalxai.capabilities import Capability
from causalxai.explainer import ControlKind, Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.repeated_explanations import Answers, ask_again
from causalxai.metrics.resampling import Rows, bootstrapped
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_EPSILON = 1e-12

Claims = NDArray[np.float64]


class _AskingAgain(Metric):
    """The base of metrics that explain noisy copies of the images.

    Copies with another predicted class are left out and counted in the part ``copies left out``.
    """

    higher_is_better = True
    requires: frozenset[Capability] = frozenset()

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images; each has ``copies`` times ``repeats`` explanations.
        copies
            The number of noisy copies of each image (P).
        repeats
            The number of explanations of each copy (Q).
        noise
            The standard deviation of the Gaussian noise; pixels are in [0, 1].
        """

        images: PositiveInt = 8
        copies: int = Field(default=5, ge=2)
        repeats: PositiveInt = 2
        noise: PositiveFloat = 0.05

    config: Config

    def _ask(self, explanation: Explanation, inputs: ScoringInputs) -> tuple[Answers, list[Claims]]:
        """Return all answers, and those of each image with two copies or more, [c, r, d]."""
        answers = ask_again(
            explanation,
            inputs,
            images=self.config.images,
            copies=self.config.copies,
            repeats=self.config.repeats,
            noise=self.config.noise,
            who=self.name,
        )
        usable = [image for image, kept in enumerate(answers.kept) if kept.sum() > 1]
        if not usable:
            raise MetricUndefinedError(
                "no image keeps its predicted class under the noise; reduce the noise"
            )
        return answers, [answers.of(image) for image in usable]


class Stability(_AskingAgain):
    """Minus the variance of an image's explanations over noisy copies, each of unit length.

    The paper's index, -(mean variance), is the part ``raw``: it changes a hundredfold when
    explanations are multiplied by ten, and with the number of concepts. The score is therefore
    minus the total variance of explanations that are first scaled to unit length: 0 if all of
    them have the same direction, -1 if their directions cancel. Images with an explanation of
    zeros have no direction and are left out. ``chance`` permutes the entries of each copy's
    explanations, in the same way for all repeats.

    The part ``asked again`` is the same score for repeated explanations of one copy; it shows the
    effect of the explainer's own random choices. A constant explanation scores 0; see
    ``relative-stability``.
    """

    name = "stability"
    value_range = (-1.0, 0.0)
    reference = "GLANCE (arXiv 2207.01917), section 3.4; of explanations of unit length"
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.CONSTANT: (
            "A constant explanation is perfectly stable, so this metric means little without "
            "others."
        )
    }

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        answers, every = self._ask(explanation, inputs)
        pointing = [claims for claims in every if (np.abs(claims).max(axis=2) > 0).all()]
        if not pointing:
            raise MetricUndefinedError("in every image some explanation consists of zeros alone")
        rng = numpy_generator(inputs.rng)
        raw = [-claims.var(axis=(0, 1)).mean() for claims in every]
        parts = {"raw": Estimate.mean(raw, rng)}
        if self.config.repeats > 1:
            again = [_direction_spread(claims) for claims in pointing]
            parts["asked again"] = Estimate.mean(
                [-spread.mean() for spread in again], rng, bounds=self.value_range
            )
        parts["copies left out"] = Estimate.share(~answers.kept)
        silent = len(answers.kept) - len(pointing)
        return MetricResult(
            self.name,
            estimate=Estimate.mean(_negated(pointing), rng, bounds=self.value_range),
            chance=Estimate.mean(
                _negated([_shuffled(c, rng) for c in pointing]), rng, bounds=self.value_range
            ),
            parts=parts,
            translated=False,
            read=answers.read,
            reason=f"left out: {silent} of {len(answers.kept)} images" if silent else "",
        )


class RelativeStability(_AskingAgain):
    """1 - (spread of an image's explanations under noise) / (spread between images).

    The spread is half the mean squared distance of two explanations: of different copies of the
    same image, or of different images. The score is 1 if noise changes nothing, and about 0 if the
    explanations of an image's copies differ as much as those of different images. ``chance``
    assigns the copies to images at random. An explanation that is the same for all images has no
    spread between images, and therefore no score.
    """

    name = "relative-stability"
    value_range = (None, 1.0)
    reference = "causalxai; the intraclass correlation of explanations"

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        answers, every = self._ask(explanation, inputs)
        if len(every) < 2:
            raise MetricUndefinedError("the spread between images takes two images or more")
        rng = numpy_generator(inputs.rng)
        distances = _Distances(every)
        if distances.between(np.arange(len(every))) <= _EPSILON * distances.size:
            raise MetricUndefinedError(
                "the explanations of all images are the same, so there is no spread to compare with"
            )
        shuffled = _Distances(_dealt(every, rng))
        return MetricResult(
            self.name,
            estimate=bootstrapped(distances.ratio, len(every), rng, bounds=self.value_range),
            chance=bootstrapped(shuffled.ratio, len(every), rng, bounds=self.value_range),
            parts={"copies left out": Estimate.share(~answers.kept)},
            translated=False,
            read=answers.read,
        )


def _direction_spread(claims: Claims) -> NDArray[np.float64]:
    """Return the total variance of ``[..., m, d]`` at unit length, over m; in [0, 1]."""
    length = np.linalg.norm(claims, axis=-1, keepdims=True)
    mean = (claims / length).mean(axis=-2)
    spread: NDArray[np.float64] = np.clip(1 - (mean**2).sum(axis=-1), 0, 1)
    return spread


def _negated(every: list[Claims]) -> list[float]:
    return [-float(_direction_spread(claims.reshape(-1, claims.shape[2]))) for claims in every]


def _shuffled(claims: Claims, rng: np.random.Generator) -> Claims:
    """Permute the entries of each copy's explanations, in the same way for its repeats."""
    copies, _, d = claims.shape
    order = rng.permuted(np.tile(np.arange(d), (copies, 1, 1)), axis=2)
    return np.take_along_axis(claims, order, axis=2)


def _dealt(every: list[Claims], rng: np.random.Generator) -> list[Claims]:
    """Assign all copies to the images at random; each image gets as many as it had."""
    ends = np.cumsum([len(claims) for claims in every])[:-1]
    return np.split(rng.permutation(np.concatenate(every)), ends)


class _Distances:
    """Half the mean squared distances between the explanations of two images, each [c, r, d]."""

    def __init__(self, every: list[Claims]) -> None:
        centre = np.concatenate(every).mean(axis=(0, 1))
        moved = [claims - centre for claims in every]
        means = np.stack([claims.mean(axis=(0, 1)) for claims in moved])
        squares = np.array([(claims**2).sum(axis=2).mean() for claims in moved])
        self.size = float((np.concatenate(every) ** 2).sum(axis=2).mean())
        self.pairs = (squares[:, None] + squares[None]) / 2 - means @ means.T
        self.within = np.array([_between_copies(claims) for claims in moved])

    def between(self, images: Rows) -> float:
        """Return the spread between different images."""
        different = images[:, None] != images[None]
        if not different.any():
            return float("nan")
        return float(self.pairs[np.ix_(images, images)][different].mean())

    def ratio(self, images: Rows) -> float:
        """Return 1 - within / between."""
        between = self.between(images)
        return 1 - float(self.within[images].mean()) / between if between > 0 else float("nan")


def _between_copies(claims: Claims) -> float:
    """Return the mean half squared distance of different copies' explanations, of ``[c, r, d]``.

    Repeats of one copy are not independent of one another: a deterministic explainer gives the
    same one each time.
    """
    c, means = len(claims), claims.mean(axis=1)
    product = ((means.sum(axis=0) ** 2).sum() - (means**2).sum()) / (c * (c - 1))
    return float((claims**2).sum(axis=2).mean() - product)
