"""What the renderer of a data set says of explained images: the truth about interventions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import Concept, Units
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.intervention import Intervention
from causalxai.metric import MetricUndefinedError
from causalxai.renderer import Renderer

_IMAGES_FOR_SCALES = 512


def recognised(dataset: Dataset, images: Tensor) -> tuple[Renderer, Units]:
    """Return the data set's renderer and the individuals of images ``[n, c, h, w]``.

    Raises
    ------
    CapabilityError
        If the data set has no renderer.
    MetricUndefinedError
        If an image is not one of the data set.
    """
    renderer = dataset.renderer
    if renderer is None:
        raise CapabilityError(
            "the data set has no renderer, which draws its images anew after an intervention"
        )
    try:
        return renderer, renderer.recognise(images.cpu())
    except DataError as reason:
        raise MetricUndefinedError(str(reason)) from reason


def scaled_concepts(dataset: Dataset) -> tuple[Concept, ...]:
    """Return the renderer's concepts, with the standard deviation over test images as unit."""
    rows = evenly_spaced_rows(len(dataset.test), _IMAGES_FOR_SCALES)
    renderer, units = recognised(dataset, dataset.test.images[rows])
    scales = units.values.float().std(dim=0, correction=0).tolist()
    return tuple(
        concept if concept.is_binary else replace(concept, scale=scale)
        for concept, scale in zip(renderer.concepts, scales, strict=True)
    )


@dataclass(frozen=True)
class RenderedWorld:
    """Individuals that are drawn anew, and what the classifier says of the drawings.

    Parameters
    ----------
    renderer
        The renderer of the data set.
    classifier
        The classifier that is explained.
    units
        The ``n`` individuals.
    concepts
        The renderer's ``d`` concepts, with their units of change.
    """

    renderer: Renderer
    classifier: Classifier
    units: Units
    concepts: tuple[Concept, ...]

    @classmethod
    def of(cls, dataset: Dataset, classifier: Classifier, images: Tensor) -> RenderedWorld:
        """Return the individuals of images ``[n, c, h, w]`` of the data set.

        Raises
        ------
        CapabilityError
            If the data set has no renderer.
        MetricUndefinedError
            If an image is not one of the data set.
        """
        renderer, units = recognised(dataset, images)
        return cls(renderer, classifier, units, scaled_concepts(dataset))

    @property
    def own(self) -> Tensor:
        """``[1, n, d]``, the state in which each individual is."""
        return self.units.values[None]

    def names(self) -> tuple[str, ...]:
        """Return the names of the concepts."""
        return tuple(concept.name for concept in self.concepts)

    def states(self, done: Intervention) -> Tensor:
        """Return the concepts after interventions with all that follows, ``[q, n, d]``."""
        return self.renderer.states(self.units, done)

    def pictures(self, states: Tensor) -> Tensor:
        """Return drawings of the individuals in states ``[q, n, d]``: ``[q, n, c, h, w]``."""
        return self.renderer.draw(self.units, states)

    def logits(self, pictures: Tensor) -> Tensor:
        """Return the logits of pictures ``[q, n, c, h, w]``, ``[q, n, K]`` float64 on the CPU."""
        flat = self.classifier.logits(pictures.flatten(0, 1)).cpu().double()
        logits: Tensor = flat.unflatten(0, pictures.shape[:2])
        return logits
