"""The concepts with which a data set is drawn, as a concept space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self, cast

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.classifier import Classifier
from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace, held_out_scales
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError
from causalxai.outline import Outline
from causalxai.progress import SILENT, Progress
from causalxai.renderer import Renderer
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record


class RenderedSpace(ConceptSpace):
    """The true concepts of a data set that is drawn.

    Nothing is learned: the renderer of the data set knows with which values each of its images was
    drawn. Images that are not of the data set, such as noisy copies, cannot be read, so that scores
    that need them cannot be computed.
    """

    renderer: Renderer
    """The renderer of the data set."""

    @property
    def concepts(self) -> Sequence[Concept]:
        """The concepts of the renderer; the scale of continuous ones is that of test images."""
        return [
            concept if concept.is_binary else replace(concept, scale=scale)
            for concept, scale in zip(self.renderer.concepts, self._scales, strict=True)
        ]

    def check_outline(self, outline: Outline) -> None:
        """Check that the data set has a renderer.

        Raises
        ------
        CapabilityError
            If it has none.
        """
        if Capability.RENDERER not in outline.offers:
            raise CapabilityError(
                "the concept space of drawn images needs a data set with a renderer, and this one "
                "has none: choose a data set that is drawn, or another concept space"
            )

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,  # noqa: ARG002
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """Take the data set's renderer, and the scales of its concepts.

        Raises
        ------
        CapabilityError
            If the data set has no renderer.
        """
        self._device = classifier.device
        self.attach(dataset)
        self._scales = held_out_scales(self, dataset.test.images)
        return self

    def encode(self, images: Tensor) -> Units:
        """Return the individuals of images and the values with which they were drawn.

        Raises
        ------
        DataError
            If an image is not of the data set.
        """
        return self.renderer.recognise(images).to(self._device)

    def to_record(self) -> Record:
        """Return the scales; the renderer is the data set's."""
        return Record(meta={"scales": list(self._scales)})

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Restore the scales; ``attach`` takes the renderer."""
        self._scales = tuple(cast("list[float]", record.meta["scales"]))
        self._device = classifier.device
        return self

    def attach(self, dataset: Dataset) -> Self:
        """Take the data set's renderer.

        Raises
        ------
        CapabilityError
            If it has none.
        """
        self.check_outline(dataset.outline)
        assert dataset.renderer is not None
        self.renderer = dataset.renderer
        return self
