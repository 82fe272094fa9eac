"""Minimality: whether an intervention changes no more than it has to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Concept
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.pictures import features, pictures
from causalxai.metrics.random_changes import ChangesConfig, RandomChanges
from causalxai.seeding import numpy_generator

_NEAREST = 0.1
_FEWEST = 5


class Minimality(Metric):
    """Counterfactual latent divergence, in the features of the classifier.

    Each concept of each image is set to its value in another image, a boolean one to the opposite.
    The distance ``d`` is that of the oracle's picture from the image, in the input of the
    classifier's last layer. It is compared with the distances of the image from test images that
    have the *new* value of the concept, and from those that have its *own* value:
    ``log(exp P(new <= d) + exp P(own >= d))``. It is low where the picture is nearer than other
    images with the new value (no more is changed than necessary), yet farther than images with the
    own value (something is changed). For a continuous concept, these are the tenth of the test
    images whose values are nearest, five at least.

    ``chance`` shows a test image with the new value in place of the oracle's picture, which changes
    everything else, too. The control ``nothing done`` has ``d = 0``. The score lies between log 2
    and log 2e. Where the features tell little about a concept, images with the new value are as far
    as those with the own one, and no picture can have a low score.

    The metric scores the oracle. Of the explanation it uses only the images.
    """

    name = "minimality"
    higher_is_better = False
    value_range = (math.log(2), math.log(2) + 1)
    reference = (
        "Melistas et al. (2024): Benchmarking counterfactual image generation, section 3; the "
        "divergence by Sanchez, Tsaftaris (2022): Diffusion causal models for counterfactual "
        "estimation"
    )
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})
    about_concepts = True

    class Config(ChangesConfig):
        """Settings, in addition to those of the changes.

        Parameters
        ----------
        compared
            The maximum number of test images with which pictures are compared.
        """

        compared: int = Field(default=500, ge=2 * _FEWEST)

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        config = self.config
        changes = RandomChanges.draw(explanation, inputs, config)
        oracle, rng = changes.oracle, numpy_generator(inputs.rng)
        own, remark = features(oracle, explanation.images[changes.rows])
        known = _Known.draw(inputs, config.compared)
        exact = "donot_use_mm_for_euclid_dist"  # so that an image is 0 from itself
        apart = torch.cdist(own, known.features, compute_mode=exact)
        # The explained images may be test images; none is compared with itself.
        others = apart > 0
        scores: dict[str, list[Tensor]] = {"score": [], "chance": [], "nothing": []}
        for place, new, done in changes.each():
            concept, present = oracle.space.concepts[place], changes.units.values[:, place].cpu()
            sets = known.alike(concept, place, new) & others
            before = known.alike(concept, place, present) & others
            shown, _ = features(oracle, pictures(oracle, changes.units, done)[0])
            guess = _one_of(sets, inputs.rng)
            found = {
                "score": (shown - own).norm(dim=1),
                "chance": apart.gather(1, guess[:, None])[:, 0],
                "nothing": torch.zeros(len(own)).double(),
            }
            for name, moved in found.items():
                scores[name].append(_divergence(moved, apart, sets, before))

        def mean(each: Iterable[Tensor]) -> Estimate:
            average = torch.stack(list(each)).nanmean(dim=0)
            average = average[~average.isnan()].clamp(*self.value_range)
            return Estimate.mean(average.numpy(), rng, bounds=self.value_range)

        if bool(torch.stack(scores["score"]).isnan().all()):
            raise MetricUndefinedError(
                "no test image has the new value of a boolean concept, so that pictures have "
                "nothing to be compared with"
            )
        return MetricResult(
            self.name,
            estimate=mean(scores["score"]),
            chance=mean(scores["chance"]),
            controls={"nothing done": mean(scores["nothing"])},
            reason="; ".join(one for one in (changes.remark, remark) if one),
        )


@dataclass(frozen=True)
class _Known:
    """Test images: their features ``[m, l]`` and their concepts ``[m, d]``."""

    features: Tensor
    values: Tensor

    @classmethod
    def draw(cls, inputs: ScoringInputs, most: int) -> _Known:
        test, oracle = inputs.dataset.test, inputs.need_oracle()
        rows = torch.randperm(len(test), generator=inputs.rng)[:most]
        images = test.images[rows]
        values = oracle.space.encode(images.to(oracle.classifier.device)).values.cpu()
        return cls(features(oracle, images)[0], values)

    def alike(self, concept: Concept, place: int, wanted: Tensor) -> Tensor:
        """Return which images have the wanted values ``[n]`` of a concept, bool ``[n, m]``."""
        gaps = (self.values[:, place] - wanted[:, None]).abs()
        if concept.is_binary:
            return gaps == 0
        count = min(len(self.values), max(_FEWEST, round(_NEAREST * len(self.values))))
        nearest = gaps.argsort(dim=1, stable=True)[:, :count]
        return torch.zeros_like(gaps).bool().scatter(1, nearest, True)


def _one_of(sets: Tensor, rng: torch.Generator) -> Tensor:
    """Draw one of the members of each set, ``[n]``; any image where a set is empty."""
    drawn = torch.rand(sets.shape, generator=rng)
    return torch.where(sets, drawn, -drawn).argmax(dim=1)


def _divergence(moved: Tensor, apart: Tensor, new: Tensor, own: Tensor) -> Tensor:
    """Return each image's score, ``[n]``; nan where there is no image to compare with.

    Parameters
    ----------
    moved
        ``[n]``, how far the picture is from its image.
    apart
        ``[n, m]``, how far the test images are.
    new, own
        ``[n, m]``, whether these have the new value and the own one.
    """
    nearer = _share(apart <= moved[:, None], new)
    farther = _share(apart >= moved[:, None], own)
    return (nearer.exp() + farther.exp()).log()


def _share(hits: Tensor, among: Tensor) -> Tensor:
    """Return the share of hits among some of the images, row by row; nan where there are none."""
    return (hits & among).sum(dim=1).double() / among.sum(dim=1).double()
