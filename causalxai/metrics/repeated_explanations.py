"""Repeated explanations of noisy copies of the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.explainer import Explanation
from causalxai.metric import AttributionSpace, ScoringInputs


@dataclass(frozen=True)
class Answers:
    """Explanations of noisy copies.

    Parameters
    ----------
    claims
        ``[images, copies, repeats, d]``: importances; for explanations that speak of pixels alone,
        the first map's pixels.
    kept
        ``[images, copies]``: which copies have the same predicted class as their image.
    read
        The attribution space of the claims.
    """

    claims: NDArray[np.float64]
    kept: NDArray[np.bool_]
    read: AttributionSpace

    def of(self, image: int) -> NDArray[np.float64]:
        """Return all explanations of an image's kept copies, ``[copies, repeats, d]``."""
        claims: NDArray[np.float64] = self.claims[image][self.kept[image]]
        return claims


def ask_again(
    explanation: Explanation,
    inputs: ScoringInputs,
    *,
    images: int,
    copies: int,
    repeats: int,
    noise: float,
    who: str,
) -> Answers:
    """Explain noisy copies of some images, for the same classes as in an explanation.

    Parameters
    ----------
    explanation
        The explanation that has the images and the classes.
    inputs
        The inputs, with the explainer. Their generator draws the images, the noise and the
        explainer's own random choices.
    images
        The maximum number of images.
    copies, repeats
        The number of copies of each image, and how often each copy is explained.
    noise
        The standard deviation of the Gaussian noise; images stay in [0, 1].
    who
        The name of the metric, for the message.

    Raises
    ------
    CapabilityError
        If the run has no explainer.
    """
    explainer, rng = inputs.need_explainer(who), inputs.rng
    rows = torch.randperm(len(explanation), generator=rng)[:images]
    chosen, target = explanation.images[rows].cpu(), explanation.target[rows]
    predicted = inputs.classifier.predict(chosen)
    answers, kept = [], []
    with inputs.progress.task(who, copies * repeats) as advance:
        for _ in range(copies):
            disturbance = noise * torch.randn(chosen.shape, generator=rng)
            noisy = (chosen + disturbance).clamp(0, 1)
            kept.append((inputs.classifier.predict(noisy) == predicted).cpu())
            for _ in range(repeats):
                seed = int(torch.randint(2**62, (1,), generator=rng))
                own = replace(inputs, rng=torch.Generator().manual_seed(seed))
                answers.append(explainer.explain(noisy, target, own, with_units=False))
                advance(1)
    read, aligned = _aligned(answers)
    claims = aligned.unflatten(0, (copies, repeats)).movedim(2, 0)
    return Answers(claims.double().numpy(), torch.stack(kept, dim=1).numpy(), read)


def _aligned(answers: Sequence[Explanation]) -> tuple[AttributionSpace, Tensor]:
    """Return the claims of several explanations over the same concepts, [answers, images, d].

    A concept that an explanation leaves out has no importance in it.
    """
    if any(answer.importance is None for answer in answers):
        maps = [next(iter(one.maps.values())).cpu().flatten(1) for one in answers]
        return AttributionSpace.PIXELS, torch.stack(maps)
    names = list(dict.fromkeys(name for answer in answers for name in answer.concepts))
    place = {name: number for number, name in enumerate(names)}
    table = torch.zeros(len(answers), len(answers[0]), len(names))
    for row, answer in zip(table, answers, strict=True):
        if answer.importance is not None:
            row[:, [place[name] for name in answer.concepts]] = answer.importance.cpu().float()
    return AttributionSpace.CONCEPTS, table
