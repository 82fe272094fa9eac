"""Effect error: the effects that an explanation claims against those that drawing anew shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PositiveInt

from causalxai.capabilities import Capability
from causalxai.explainer import ControlKind, Explanation
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.claimed_effects import ClaimedEffects, TrueEffects, claimed_effects
from causalxai.metrics.rendered import RenderedWorld
from causalxai.metrics.resampling import Rows, bootstrapped
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_GUESSES = 20
_COSINE = (-1.0, 1.0)

_Values = NDArray[np.float64]


class EffectError(Metric):
    """How far the effects that an explanation claims are from those that the renderer shows.

    Each concept of each image is changed by one unit (up by a standard deviation, as far as its
    bound allows; a boolean concept is flipped), and the same individual is drawn anew, with all
    that follows by the true structural model. What the classifier's logit of the target class
    changes is the *true* effect, an individual causal concept effect. The explanation's importances
    claim an effect of the same change (see ``metrics.claimed_effects``); its concepts are matched
    by name. An explanation that names none of them is translated from its first map by the change
    of the drawing; without a map it is not scored.

    The score is 1 minus half of the squared distance between the two lists of effects of an image,
    each scaled to length 1. (That is the cosine between them, an uncentred correlation.) It is 1
    where all effects are right up to a common factor, so that explanations on any scale can be
    compared; 0 for claims that know nothing; -1 for the opposite of the truth. It is averaged over
    images. Images in which no concept has an effect are left out and counted. An image of which an
    explanation claims nothing counts 0.

    ``chance`` is the score of random normal importances, drawn twenty times. The control ``concepts
    exchanged`` assigns the claims of each image to other concepts.

    Parts: ``on average``, the same score for the mean effects of more of each concept over the
    images of each target class (causal concept effects); ``correlation``, Pearson's, over the
    effects of more of each concept in each image;
    ``sign agreement``, the share of true effects whose sign is claimed; ``normalised error``, the
    root mean square of claimed minus true effects divided by that of the true ones, without
    rescaling (0 at best, 1 for an explanation that claims no effect at all); ``strongest concept``,
    the share of images in which the concept with the largest true effect has the largest claimed
    one, too; ``others held``, the score against the effects while all other concepts are held, for
    explanations of direct effects.
    """

    name = "effect-error"
    higher_is_better = True
    value_range = _COSINE
    reference = (
        "Goyal, Feder, Shalit, Kim (2019): Explaining classifiers with causal concept effect; "
        "Abraham et al. (2022): CEBaB, individual causal concept effects, NeurIPS"
    )
    requires = frozenset({Capability.RENDERER})
    about_concepts = True
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {
        ControlKind.CONSTANT: (
            "It claims that more of any concept supports the class as much as more of any other. "
            "Where that is the true sign of most effects, most of the score follows."
        )
    }
    contrasting_part = "normalised error"
    reading_note = (
        "effect-error compares claimed effects with those of drawing the same individual anew, "
        "and with no method's own generator. 1 is the truth up to a common factor, 0 is chance."
    )

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images.
        """

        images: PositiveInt = 50

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        target = explanation.target[rows]
        world = RenderedWorld.of(inputs.dataset, inputs.classifier, explanation.images[rows])
        true = TrueEffects.of(world, target)
        claims = claimed_effects(explanation.of_rows(rows), inputs, true)
        rng = numpy_generator(inputs.rng)
        trial = _Trial.of(true.total, target, rng)
        if not trial.informative.any():
            raise MetricUndefinedError(
                "there are no effects to compare: the classifier's logits do not change when the "
                "renderer changes any of the concepts by one unit"
            )
        n, d = true.total.shape
        guesses = torch.randn(_GUESSES, n, d, generator=inputs.rng).double()
        exchanged = exchange(claims.effect, inputs.rng)
        parts = trial.parts(claims.effect, true.direction)
        held = _Trial.of(true.direct, target, rng)
        if held.informative.any():
            parts["others held"] = held.score([claims.effect])
        if not trial.informative.all():
            parts["images left out"] = Estimate.share(~trial.informative)
        return MetricResult(
            self.name,
            estimate=trial.score([claims.effect]),
            chance=trial.score(list(guesses)),
            parts=parts,
            controls={"concepts exchanged": trial.score([exchanged])} if d > 1 else {},
            read=AttributionSpace.CONCEPTS,
            translated=claims.translated,
            reason=_reason(claims, trial),
        )


def exchange(claims: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Return claims ``[n, d]`` that are permuted between concepts; two or more change places."""
    n, d = claims.shape
    order = torch.rand(n, d, generator=rng).argsort(dim=1)
    same = (order == torch.arange(d)).all(dim=1)
    return claims.gather(1, torch.where(same[:, None], order.roll(1, dims=1), order))


def _reason(claims: ClaimedEffects, trial: _Trial) -> str:
    claimed = claims.effect[torch.from_numpy(trial.informative)]
    silent = (claimed == 0).all(dim=1).numpy()
    remarks = [claims.remark]
    if silent.any():
        remarks.append(f"silent in {silent.sum()} of {len(silent)} images, which count as 0")
    return "; ".join(remark for remark in remarks if remark)


@dataclass(frozen=True)
class _Trial:
    """The true effects ``[n, d]`` with which claims are compared, and the classes ``[n]``."""

    true: _Values
    target: NDArray[np.int64]
    rng: np.random.Generator

    @classmethod
    def of(cls, true: torch.Tensor, target: torch.Tensor, rng: np.random.Generator) -> _Trial:
        """Take true effects ``[n, d]`` on the logits of classes ``[n]``."""
        return cls(true.numpy(), target.cpu().numpy(), rng)

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Whether an image has an effect, ``[n]``."""
        return np.asarray(self.true.any(axis=1))

    def score(self, claims: list[torch.Tensor]) -> Estimate:
        """Return the mean score of several tables of claims ``[n, d]``."""
        each = [cosine(claimed.numpy(), self.true)[self.informative] for claimed in claims]
        return Estimate.mean(np.mean(each, axis=0), self.rng, bounds=_COSINE)

    def parts(self, claims: torch.Tensor, direction: torch.Tensor) -> dict[str, Estimate]:
        """Return what else there is to say of claims ``[n, d]`` about changes in a direction."""
        known = self.informative
        # Effects of more of each concept, which can be averaged over images.
        claimed, true = (
            table[known] * direction.numpy()[known] for table in (claims.numpy(), self.true)
        )
        target, n = self.target[known], len(true)

        def on_average(rows: Rows) -> float:
            return _of_classes(claimed[rows], true[rows], target[rows])

        def correlation(rows: Rows) -> float:
            one, other = (table[rows] - table[rows].mean() for table in (claimed, true))
            return float(cosine(one.reshape(1, -1), other.reshape(1, -1))[0])

        def error(rows: Rows) -> float:
            scale = (true[rows] ** 2).mean()
            return float(np.sqrt(((claimed[rows] - true[rows]) ** 2).mean() / scale))

        signs = np.where(true != 0, np.sign(claimed) == np.sign(true), np.nan)
        return {
            "on average": bootstrapped(on_average, n, self.rng, bounds=_COSINE),
            "correlation": bootstrapped(correlation, n, self.rng, bounds=_COSINE),
            "sign agreement": Estimate.mean(np.nanmean(signs, axis=1), self.rng, bounds=(0.0, 1.0)),
            "normalised error": bootstrapped(error, n, self.rng, bounds=(0.0, None)),
            "strongest concept": Estimate.share(
                np.abs(claimed).argmax(axis=1) == np.abs(true).argmax(axis=1)
            ),
        }


def _of_classes(claimed: _Values, true: _Values, target: NDArray[np.int64]) -> float:
    """Return the score of the mean effects of each class, all classes together."""
    means = [
        np.concatenate([table[target == klass].mean(axis=0) for klass in np.unique(target)])
        for table in (claimed, true)
    ]
    return float(cosine(means[0][None], means[1][None])[0])


def cosine(one: _Values, other: _Values) -> _Values:
    """Return the cosine between the rows of two tables ``[n, d]``; 0 where a row is 0."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    product = (one * other).sum(axis=1)
    ratio: _Values = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
    return ratio.clip(-1.0, 1.0)
