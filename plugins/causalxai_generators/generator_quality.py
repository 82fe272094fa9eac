"""How well a generator's pictures and directions do on test images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import Concept, Units
from causalxai.storage.record import Json
from causalxai_generators.picture_space import PictureSpace

_AGREES = 0.9
_OBEYS = 0.5
_HALF = 0.5


@dataclass(frozen=True)
class ConceptQuality:
    """How well one concept is read from latents, and how well do() is seen in pictures.

    Parameters
    ----------
    name
        The concept's.
    read
        On test images: of a continuous concept R² of the readings; of a boolean one the share of
        correct readings; ``None`` without labels.
    chance
        What ``read`` is without any knowledge: 0, or the share of the more frequent value.
    own_effect
        The mean change of the readback when do() raises the concept by one unit, in units.
    leakage
        The largest mean change, up or down, of another concept's readback, in its units.
    """

    name: str
    read: float | None
    chance: float
    own_effect: float
    leakage: float

    @property
    def tells(self) -> bool:
        """Whether readings tell more than chance, as far as labels say."""
        return self.read is None or self.read > self.chance

    @property
    def obeys(self) -> bool:
        """Whether do() is seen in the picture."""
        return self.own_effect >= _OBEYS


@dataclass(frozen=True)
class GeneratorQuality:
    """How well a generator does on test images.

    Parameters
    ----------
    agreement
        The share of images of which the classifier predicts the same class as of their
        reconstruction, to which nothing is added.
    error
        The mean absolute difference of reconstructions and images over all pixels.
    concepts
        The same for each concept.
    """

    agreement: float
    error: float
    concepts: tuple[ConceptQuality, ...]

    def warning(self, *, kept: bool) -> str | None:
        """Return what a reader of the results has to know, in words; ``None`` if nothing.

        Parameters
        ----------
        kept
            Whether what the generator leaves out of an image is added to its pictures.
        """
        unread = [one.name for one in self.concepts if not one.tells]
        if unread:
            return f"the generator's latents tell no more than chance of: {', '.join(unread)}"
        ignored = [one.name for one in self.concepts if not one.obeys]
        if ignored:
            return (
                "when these concepts are set, less than half of the change is seen in the "
                f"generator's pictures: {', '.join(ignored)}"
            )
        if not kept and self.agreement < _AGREES:
            return (
                f"the classifier predicts another class for {1 - self.agreement:.0%} of the "
                "reconstructions, so that answers are about other images; concepts.keep_rest adds "
                "what the generator leaves out"
            )
        return None

    def summary(self, *, kept: bool) -> dict[str, Json]:
        """Return the warning, if there is one, and all figures by name."""
        warning = self.warning(kept=kept)
        told: dict[str, Json] = {} if warning is None else {"warning": warning}
        told["classifier agrees on reconstructions"] = self.agreement
        told["mean difference of reconstructions"] = self.error
        for one in self.concepts:
            if one.read is not None:
                told[f"reading of {one.name}"] = one.read
                told[f"reading of {one.name} by chance"] = one.chance
            told[f"own effect of {one.name}"] = one.own_effect
            told[f"leakage of {one.name}"] = one.leakage
        return told

    def to_json(self) -> dict[str, Json]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``to_json``."""
        concepts = tuple(ConceptQuality(**one) for one in data["concepts"])
        return cls(data["agreement"], data["error"], concepts)


def measure_quality(
    space: PictureSpace,
    classifier: Classifier,
    images: Tensor,
    reconstruct: Callable[[Units], Tensor],
    labels: Tensor | None,
) -> GeneratorQuality:
    """Measure the pictures of a fitted space, and each of its concepts.

    Parameters
    ----------
    space
        The space, with ``d`` concepts.
    classifier
        The classifier that is explained.
    images
        ``[n, c, h, w]``, test images on the classifier's device.
    reconstruct
        Paints units that ``space`` read from images, and adds nothing to the pictures.
    labels
        ``[n, d]``; ``None`` without labels.
    """
    units = space.encode(images)
    again = reconstruct(units)
    same = classifier.predict(again) == classifier.predict(images)
    return GeneratorQuality(
        agreement=float(same.float().mean()),
        error=float((again - images).abs().mean()),
        concepts=_concept_qualities(
            space.concepts,
            units.values,
            labels,
            lambda states: space.read(space.pictures(units, states[None])[0]),
        ),
    )


def _concept_qualities(
    concepts: Sequence[Concept],
    values: Tensor,
    labels: Tensor | None,
    readback: Callable[[Tensor], Tensor],
) -> tuple[ConceptQuality, ...]:
    """Measure each concept, whose ``readback`` of states ``[n, d]`` is ``[n, d]``."""
    found = []
    units = torch.tensor([1.0 if one.is_binary else one.scale or 1.0 for one in concepts])
    before = readback(values).cpu()
    for place, concept in enumerate(concepts):
        states = values.clone()
        if concept.is_binary:
            states[:, place] = 1 - values[:, place]
        else:
            states[:, place] += concept.scale
        signs = (states - values)[:, place].sign().cpu()[:, None]
        moved = ((readback(states).cpu() - before) * signs / units).mean(dim=0)
        others = torch.cat([moved[:place], moved[place + 1 :]])
        read, chance = (None, 0.0) if labels is None else _read(concept, values, labels, place)
        leakage = float(others.abs().max()) if len(others) else 0.0
        found.append(ConceptQuality(concept.name, read, chance, float(moved[place]), leakage))
    return tuple(found)


def _read(concept: Concept, values: Tensor, labels: Tensor, place: int) -> tuple[float, float]:
    found, wanted = values[:, place].cpu().double(), labels[:, place].cpu().double()
    if concept.is_binary:
        share = float((wanted > _HALF).double().mean())
        return float(((found > _HALF) == (wanted > _HALF)).double().mean()), max(share, 1 - share)
    error = float(((found - wanted) ** 2).mean())
    spread = float(wanted.var(correction=0))
    return (1 - error / spread if spread > 0 else 0.0), 0.0
