"""Concept spaces: the variables on which one may intervene."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from causalxai.dataset_dependent import DatasetDependent
from causalxai.image_data.lazy import Images, rows_at_once
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record

if TYPE_CHECKING:
    from causalxai.classifier import Classifier
    from causalxai.concept import Concept, Units
    from causalxai.dataset import Dataset

_IMAGES_FOR_SCALES = 512


class ConceptSpace(DatasetDependent, ABC):
    """A set of concepts, and the way to read their values from images."""

    @property
    def configured_size(self) -> int | None:
        """The number of concepts if the settings alone determine it, also before the fit."""
        return None

    @property
    @abstractmethod
    def concepts(self) -> Sequence[Concept]:
        """The ``d`` concepts in the order of ``Units.values``; available once fitted."""

    @abstractmethod
    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Self:
        """Learn the concepts that ``classifier`` perceives in ``dataset``; return ``self``.

        A long fit saves its state to ``checkpoint`` repeatedly, and continues from a saved state.
        """

    @abstractmethod
    def encode(self, images: Tensor) -> Units:
        """Read the concepts of images (*abduction*).

        Parameters
        ----------
        images
            ``[n, c, h, w]``, float32 in [0, 1].
        """

    @abstractmethod
    def to_record(self) -> Record:
        """Return everything that ``fit`` learned, for ``restore``."""

    @abstractmethod
    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Restore what ``to_record`` returned, so that the space reads as when it was stored."""

    def attach(self, dataset: Dataset) -> Self:  # noqa: ARG002
        """Take from the data set what is not in the record, such as a renderer; return ``self``.

        It is called after every ``restore``. By default there is nothing to take.
        """
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return figures of the fit on the test images, for a run's summary, by name."""
        return {}

    def names(self) -> tuple[str, ...]:
        """Return the names of the concepts, in order."""
        return tuple(concept.name for concept in self.concepts)


def held_out_scales(space: ConceptSpace, images: Images) -> tuple[float, ...]:
    """Return the standard deviation of each concept over images, for its ``scale``.

    Parameters
    ----------
    space
        A space that is fitted as far as ``encode`` needs it.
    images
        ``[n, c, h, w]``, on which the space was not fitted; at most 512 are read, evenly spaced.
    """
    chosen = evenly_spaced_rows(len(images), _IMAGES_FOR_SCALES)
    values = torch.cat(
        [space.encode(images[some]).values.cpu() for some in chosen.split(rows_at_once(images))]
    )
    return tuple(values.float().std(dim=0, correction=0).tolist())
