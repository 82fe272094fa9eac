"""Classifiers: the trained network that is explained, and where it comes from."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError, ContractError
from causalxai.image_data.lazy import Images, batches, rows_at_once
from causalxai.memory import rows_that_fit
from causalxai.network.adaptation import as_float32, inside_wrappers, name_of
from causalxai.network.adapter import adapter, placed
from causalxai.network.arguments import (
    plain_device,
    plain_names,
    plain_shape,
    require_feature_layer,
    require_images,
    require_network,
)
from causalxai.network.class_columns import ClassColumns
from causalxai.network.copying import copied
from causalxai.network.examination import Examination
from causalxai.network.layer_access import LayerAccess
from causalxai.network.preparation import Numbers
from causalxai.network.probe_images import probe_images
from causalxai.network.reading import Output
from causalxai.network.shared_randomness import own_randomness
from causalxai.network.state import plain_state
from causalxai.network.working_memory import bytes_at_widest
from causalxai.plugin import Plugin
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record

if TYPE_CHECKING:
    from causalxai.dataset import Dataset
    from causalxai.outline import Outline

_logger = logging.getLogger(__name__)

_TRIED = [0, 2, 3, 4, 5]
"""The random pictures on which a network is examined: one of each kind."""
_EXAMINED = 4
"""The number of a data set's images on which a network is examined."""


class Classifier(LayerAccess):
    """A trained network in evaluation mode, with the names and shapes needed to use it.

    The network is copied, so that the given one stays as it is. The copy is examined on a few
    random pictures: its answer for an image must depend on nothing but the image. Its ``forward``
    takes images in [0, 1] and returns float32 logits, whatever the network itself takes and gives.
    Wrappers of ``torch.compile`` and ``nn.DataParallel`` are taken off.

    Parameters
    ----------
    model
        Maps prepared images ``[n, c, h, w]`` to its outputs, of which logits ``[n, K]`` are made.
        A copy is put into evaluation mode, and its parameters are frozen.
    class_names
        ``K`` names.
    image_shape
        Channels, height and width; ``None`` to leave it to the data set's images.
    mean, std, scale
        How images, which lie in [0, 1], are prepared: multiplied by ``scale`` (255 for a network
        that takes 0 to 255), minus ``mean``, divided by ``std``. One number, or one for each
        channel; ``None`` for none.
    preprocess
        In place of these: a function of a batch; a config or transforms with ``mean`` and ``std``,
        as of timm and torchvision; an image processor of Hugging Face; or ``"own"`` for the config
        that a network of timm has itself. Images keep their size.
    output
        What the network gives: ``logits``, ``probabilities`` or ``log-probabilities`` of all
        classes, or, of two classes, ``binary-logit`` or ``binary-probability`` of the second.
    answer
        The attribute, key or index of the outputs, where the network returns more than a tensor.
        ``logits``, and the only tensor, are found without it.
    classes
        Which output each class is, if there are more than ``K`` or in another order: numbers, a
        mapping of names to numbers, or the names of all outputs, by number as in Hugging Face's
        ``id2label`` or in a file. Probabilities are then those among these classes.
    feature_layer
        The name of the last hidden layer, for methods that read features.
    device
        The device on which the copy is and computes.

    Raises
    ------
    ContractError
        If an argument is not what it should be, or the network cannot be copied, fails, does not
        return what is said of it, or its answers cannot be relied on; the message says what is
        wrong.
    CapabilityError
        If there is no such feature layer.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        class_names: Sequence[str],
        image_shape: tuple[int, int, int] | None = None,
        mean: Numbers = None,
        std: Numbers = None,
        scale: float | None = None,
        preprocess: object = None,
        output: Output = "logits",
        answer: str | int | None = None,
        classes: ClassColumns = None,
        feature_layer: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        require_network(model)
        self.device = plain_device(device)
        self.class_names = plain_names(class_names)
        require_feature_layer(feature_layer, model)
        self.feature_layer = feature_layer
        self.adapter = adapter(
            inside_wrappers(model), self.class_names, mean=mean, std=std, scale=scale,
            preprocess=preprocess, output=output, answer=answer, classes=classes,
        )  # fmt: skip
        self.model = placed(copied(model), self.adapter, self.device)
        self._image_shape = None if image_shape is None else plain_shape(image_shape)
        self._gradient_fault = ""
        if self._image_shape is not None:
            self._gradient_fault = self._examined(self._probes()[_TRIED])

    def __repr__(self) -> str:
        shape = f", images {list(self._image_shape)}" if self._image_shape else ""
        name, classes = name_of(self.model), len(self.class_names)
        return f"Classifier({name}, classes: {classes}{shape}, on {self.device})"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width.

        Raises
        ------
        ContractError
            If they were left to the data set's images.
        """
        if self._image_shape is None:
            raise ContractError(
                "the classifier does not know the shape of its images yet: give image_shape, "
                "(channels, height, width), or ask for_images"
            )
        return self._image_shape

    @property
    def has_image_shape(self) -> bool:
        """Whether the shape of the images is known."""
        return self._image_shape is not None

    def for_images(self, image_shape: tuple[int, int, int]) -> Classifier:
        """Return this classifier for images of some shape, on which it is examined.

        It is the classifier itself if that is its shape, or else a new one with another copy.

        Raises
        ------
        ContractError
            If the network does not take such images, as in the constructor.
        """
        if self._image_shape == image_shape:
            return self
        other = copy(self)
        for known in ("head", "_bytes_of_an_image"):
            other.__dict__.pop(known, None)
        other.model = copied(self.model)
        other._image_shape = image_shape
        other._gradient_fault = other._examined(other._probes()[_TRIED])
        return other

    def examine(self, images: Images) -> None:
        """Try the network on a few images, as it was tried on random ones when it was loaded.

        It must answer the same twice, alone and in a batch and in another order, and must not
        change by being called. One that writes into the images gets copies from then on.

        Parameters
        ----------
        images
            ``[n, c, h, w]``; the first four are used.

        Raises
        ------
        ContractError
            If the network's answers cannot be relied on; the message says how they differ.
        """
        if len(images):
            some = images[:_EXAMINED].to(self.device, torch.float32)
            with torch.inference_mode(False), own_randomness():
                Examination(self.model, len(self.class_names)).try_on(some)

    def _examined(self, images: Tensor) -> str:
        """Examine the network, and return why it gives no gradients; empty if it does."""
        examination = Examination(self.model, len(self.class_names))
        with torch.inference_mode(False), own_randomness():
            examination.first_call(images, self.adapter.reads)
            logits = examination.try_on(images)
            fault = examination.gradient_fault(images[:1], logits[:1])
        if fault:
            _logger.warning(
                "%s gives no gradients, and methods that need them will refuse it: %s",
                name_of(self.model), fault,
            )  # fmt: skip
        return fault

    def require_gradients(self, who: str) -> None:
        """Raise CapabilityError unless the logits have gradients by the images.

        Parameters
        ----------
        who
            The name of the part that needs them, for the message.

        Raises
        ------
        CapabilityError
            If there are none, for example because ``forward`` runs under ``no_grad``.
        """
        if self._gradient_fault:
            raise CapabilityError(
                f"{who} needs gradients, but {name_of(self.model)} gives none: "
                f"{self._gradient_fault}"
            )

    @property
    def image_size(self) -> int:
        """The number of values in one image."""
        return math.prod(self.image_shape)

    @property
    def gives_gradients(self) -> bool:
        """Whether the logits have gradients by the images."""
        return not self._gradient_fault

    def _probes(self) -> Tensor:
        return probe_images(self.image_shape).to(self.device)

    def embed_and_classify(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings ``[n, l]`` and the logits ``[n, K]`` in one pass.

        The images must be on the classifier's device; both results are differentiable by them.

        Raises
        ------
        CapabilityError
            If the network has no linear last layer.
        """
        with self.head.recording() as embeddings:
            logits: Tensor = self.model(images)
        return as_float32(embeddings[0]), logits

    @torch.no_grad()
    def embed(self, images: Images, *, batch_size: int | None = None) -> Tensor:
        """Return the embeddings ``[n, l]``, the linear last layer's input, on its device.

        Raises
        ------
        CapabilityError
            If the network has no linear last layer.
        """
        return torch.cat(
            [self.embed_and_classify(batch)[0] for batch in self._copies(images, batch_size)]
        )

    @torch.no_grad()
    def logits(self, images: Images, *, batch_size: int | None = None) -> Tensor:
        """Return the logits ``[n, K]``, on the classifier's device."""
        return torch.cat([self.model(batch) for batch in self._copies(images, batch_size)])

    def images_at_once(self, images: Images) -> int:
        """Return how many images to give to the network at once: as many as fit into memory."""
        return rows_that_fit(self._bytes_of_an_image, rows_at_once(images))

    @cached_property
    def _bytes_of_an_image(self) -> float:
        with own_randomness():
            return bytes_at_widest(self.model, self._probes()[:1])

    def _copies(self, images: Images, size: int | None) -> Iterator[Tensor]:
        """Yield batches on the classifier's device, which a network may write into."""
        require_images(images)
        for batch in batches(images, self.images_at_once(images) if size is None else size):
            yield batch.to(self.device, torch.float32, copy=True)

    def probabilities(self, images: Images) -> Tensor:
        """Return the probabilities of the classes, ``[n, K]``; each row sums to one."""
        return self.logits(images).softmax(dim=1)

    def predict(self, images: Images) -> Tensor:
        """Return ``[n]``, the indices of the most probable classes."""
        return self.logits(images).argmax(dim=1)

    def accuracy(self, images: Images, labels: Tensor) -> float:
        """Return the share of images whose predicted class is their label, in [0, 1]."""
        hits = self.predict(images) == torch.as_tensor(labels, device=self.device)
        return float(hits.cpu().double().mean())


class ClassifierSource(Plugin, ABC):
    """The source of a classifier: training, or the user's own weights."""

    @property
    def trains(self) -> bool:
        """Whether it learns from the data set; what is only loaded may not fit the images."""
        return True

    def preview(self, outline: Outline, device: torch.device) -> Classifier | None:  # noqa: ARG002
        """Return the classifier as it is before training, for its layers; ``None`` if unknown.

        Parameters
        ----------
        outline
            The classes and the shape of the images.
        device
            The device of the network.

        Raises
        ------
        DataError
            If the network cannot be built for such images, or given weights don't fit it.
        """
        return None

    @abstractmethod
    def fit(
        self,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        device: torch.device,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Classifier:
        """Train a classifier on ``dataset.train``, or load one that is already trained."""

    def held_out(self, dataset: Dataset) -> bool | None:
        """Return whether the classifier was never trained on the test images.

        ``None`` if that is not known. By default it is what the data set says; a source whose
        ``fit`` trains from scratch, on other images than these, knows that they are held out.
        """
        return dataset.held_out

    @abstractmethod
    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        """Return the classifier that ``to_record`` stored."""

    def to_record(self, classifier: Classifier) -> Record:
        """Return the weights, from which ``restore`` builds the classifier again.

        Raises
        ------
        CapabilityError
            If the state dict holds something else than plain tensors, as of quantised networks.
        """
        return Record(tensors=plain_state(classifier.model))
