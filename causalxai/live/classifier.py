"""A classifier that is in memory already, as the source of a run's classifier."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from pydantic import ConfigDict, Field, InstanceOf

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.network.network_digest import network_digest
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record

_NAMED = 3


class LiveClassifier(ClassifierSource):
    """A ``Classifier`` that the caller has made of a trained network; nothing is trained.

    It is filed under a digest of its weights, its code and its settings. Its weights are not
    stored, because the caller has them.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        classifier
            The classifier.
        digest
            That of ``classifier_digest``, taken when the run was asked for.
        """

        model_config = ConfigDict(arbitrary_types_allowed=True)

        classifier: InstanceOf[Classifier] = Field(exclude=True, repr=False)
        digest: str

    config: Config

    def fit(
        self,
        dataset: Dataset,
        *,
        rng: torch.Generator,  # noqa: ARG002
        device: torch.device,
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Classifier:
        """Return the classifier.

        Raises
        ------
        DataError
            If its classes or the shape of its images are not those of the data set.
        CapabilityError
            If it is on another device than the one that the spec names.
        """
        found = self.config.classifier
        if not found.has_image_shape:
            found = found.for_images(dataset.image_shape)
        if found.class_names != dataset.class_names:
            raise DataError(
                f"the classifier's classes are {_few(found.class_names)}, but the data set's are "
                f"{_few(dataset.class_names)}; {_remedy(found, dataset.class_names)}"
            )
        if found.image_shape != dataset.image_shape:
            raise DataError(
                f"the classifier takes images of the shape {list(found.image_shape)}, but the data "
                f"set's have {list(dataset.image_shape)}"
            )
        if found.device.type != device.type:
            raise CapabilityError(
                f"device: {device.type}: the classifier is on {found.device}; make it with "
                f"Classifier(..., device={device.type!r}), or leave the device out"
            )
        return found

    @property
    def trains(self) -> bool:
        """Whether it learns from the data set: never."""
        return False

    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:  # noqa: ARG002
        """Return the classifier, as ``fit`` does."""
        return self.fit(dataset, rng=torch.Generator(), device=device)

    def to_record(self, classifier: Classifier) -> Record:  # noqa: ARG002
        """Return an empty record."""
        return Record()

    def portable_config(self) -> dict[str, object]:
        """Return nothing, because the fingerprint says everything."""
        return {}

    def fingerprint(self) -> str:
        """Return the digest."""
        return self.config.digest


def classifier_digest(classifier: Classifier) -> str:
    """Return a digest of a classifier: of its network and of all its settings."""
    settings: dict[str, Any] = {
        "class_names": classifier.class_names,
        "image_shape": classifier.image_shape if classifier.has_image_shape else None,
        "feature_layer": classifier.feature_layer,
    }
    network = network_digest(classifier.model, classifier.adapter.parts())
    return hashlib.sha256(f"{network} {settings!r}".encode()).hexdigest()


def _remedy(classifier: Classifier, others: tuple[str, ...]) -> str:
    """Return what makes the classes of a classifier those of a data set, in words."""
    own, reads = classifier.class_names, classifier.adapter.reads
    if reads.is_binary or sorted(own) != sorted(others):
        return "give both the same names in the same order"
    numbers = dict(zip(own, reads.classes or range(len(own)), strict=True))
    told = numbers if len(numbers) <= _NAMED else "{name: number of its output}"
    return (
        "the names are the same in another order: if the classifier's is that of its outputs, give "
        f"it the data set's class_names, and classes={told}"
    )


def _few(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(map(repr, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")
