"""Reversibility: whether an image comes back when an intervention is undone."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, ScoringInputs
from causalxai.metrics.composition import AXIOMS
from causalxai.metrics.pictures import distance, other_images, perceived, pictures, read_again
from causalxai.metrics.random_changes import ChangesConfig, RandomChanges
from causalxai.seeding import numpy_generator


class Reversibility(Metric):
    """How far an image is from itself after an intervention and one that takes it back.

    Each concept of each image is set to its value in another image, a boolean one to the opposite.
    The concepts of the oracle's picture are read (an oracle that draws the truth knows them), the
    concept is set to the value that it had in the image, and the oracle renders again. The score is
    the mean absolute difference of this picture from the image over all pixels, which lie in
    [0, 1], averaged over the concepts.

    ``chance`` is the distance from the picture that comes back for another image. The control
    ``not undone`` is the distance of the picture after the first intervention: where it is no
    larger than the score, taking back had no effect, or the first intervention changed nothing
    that can be seen. The part ``nothing done`` is the distance after two passes without any
    intervention, which no oracle of this kind can be expected to fall below.

    The metric scores the oracle. Of the explanation it uses only the images.
    """

    name = "reversibility"
    higher_is_better = False
    value_range = (0.0, 1.0)
    reference = f"{AXIOMS}, section 3"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})
    about_concepts = True

    Config = ChangesConfig
    config: ChangesConfig

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        changes = RandomChanges.draw(explanation, inputs, self.config)
        oracle, images = changes.oracle, explanation.images[changes.rows]
        others = other_images(len(images), inputs.rng)
        away, back, swapped = [], [], []
        for place, _, done in changes.each():
            changed = pictures(oracle, changes.units, done)[0]
            seen = read_again(oracle, changed, changes.units, done)
            undone = pictures(oracle, seen, changes.undoing(place))[0]
            away.append(distance(changed, images))
            back.append(distance(undone, images))
            swapped.append(distance(undone[others], images))
        rng = numpy_generator(inputs.rng)

        def mean(gaps: Iterable[Tensor]) -> Estimate:
            each = torch.stack(list(gaps)).mean(dim=0)
            return Estimate.mean(each.numpy(), rng, bounds=self.value_range)

        return MetricResult(
            self.name,
            estimate=mean(back),
            chance=mean(swapped),
            parts={"nothing done": mean([distance(perceived(oracle, images, 2)[-1], images)])},
            controls={"not undone": mean(away)},
            reason=changes.remark,
        )
