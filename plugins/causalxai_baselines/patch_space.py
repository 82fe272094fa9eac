"""The concept space of image patches in a grid, which needs no labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from pydantic import Field
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record


class PatchSpace(ConceptSpace):
    """Boolean concepts that are 1 if a patch is present and 0 if it is removed.

    In the original image, every patch is present. The content of the patches is the residual.
    """

    class Config(PluginConfig):
        """Settings of ``PatchSpace``.

        Parameters
        ----------
        grid
            The number of patches along each side, at most the pixels of the shorter side.
        """

        grid: int = Field(default=8, ge=1, le=512)

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """One concept for each patch, row by row, counted from 1."""
        counted = range(1, self.config.grid + 1)
        return [
            BooleanConcept(f"row {row} column {column}") for row in counted for column in counted
        ]

    @property
    def configured_size(self) -> int:
        """The number of patches."""
        return self.config.grid**2

    def check_outline(self, outline: Outline) -> None:
        """Check that there are as many pixels along a side as patches, or more."""
        shortest = min(outline.image_shape[1:])
        if self.config.grid > shortest:
            error = CapabilityError(
                f"concepts.grid: {self.config.grid} patches a side do not fit into {shortest} "
                "pixels"
            )
            error.setting = "concepts.grid"
            raise error

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,  # noqa: ARG002
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """Store the classifier's device; nothing is learned.

        Raises
        ------
        CapabilityError
            If there are more patches along a side than pixels.
        """
        self.check_outline(dataset.outline)
        self._device = classifier.device
        return self

    def encode(self, images: Tensor) -> Units:
        """Return ones, and the images as the residual."""
        images = images.to(self._device)
        return Units(torch.ones(len(images), self.config.grid**2).to(images), {"image": images})

    def spread(self, values: Tensor, height: int, width: int) -> Tensor:
        """Return each pixel's value of the patch that it is in, ``[..., h, w]``.

        Parameters
        ----------
        values
            ``[..., d]``.
        height, width
            The size of the image in pixels; if it is not a multiple of the grid, patches differ by
            one pixel.
        """
        grid = self.config.grid
        rows, columns = (
            torch.arange(length, device=values.device) * grid // length
            for length in (height, width)
        )
        by_pixel: Tensor = values.unflatten(-1, (grid, grid))[..., rows[:, None], columns[None]]
        return by_pixel

    def to_record(self) -> Record:
        """Return an empty record, because the settings contain all information."""
        return Record()

    def restore(self, record: Record, classifier: Classifier) -> Self:  # noqa: ARG002
        """Restore the space on the classifier's device."""
        self._device = classifier.device
        return self
