"""Classifiers: the trained network that is explained, and where it comes from."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from causalxai.errors import ContractError
from causalxai.network.hidden_layer import Embedding, HiddenLayer, NamedLayer
from causalxai.network.layer_order import in_order, weighted_layers
from causalxai.network.linear_head import LinearHead, find_linear_head
from causalxai.network.probe_images import probe_images
from causalxai.plugin import Plugin
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record

if TYPE_CHECKING:
    from causalxai.dataset import Dataset


class Classifier:
    """A trained network in evaluation mode, with the names and shapes needed to use it.

    Parameters
    ----------
    model
        Maps images ``[n, c, h, w]`` in [0, 1] to logits ``[n, K]``. It is put into evaluation
        mode and its parameters are frozen.
    class_names
        ``K`` names.
    image_shape
        Channels, height and width.
    feature_layer
        The name of the last hidden layer, for methods that read features.
    device
        The device on which the model is and computes.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        class_names: Sequence[str],
        image_shape: tuple[int, int, int],
        feature_layer: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.model = model.to(self.device).eval().requires_grad_(False)
        self.class_names = tuple(class_names)
        self.image_shape = image_shape
        self.feature_layer = feature_layer
        try:
            with torch.no_grad():
                logits = self.model(self._black())
        except Exception as error:
            # The network may be the user's own code, which may raise any exception.
            raise ContractError(
                f"{type(model).__name__} fails on one image of shape {list(image_shape)}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(logits, Tensor) or logits.shape != (1, len(self.class_names)):
            shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ContractError(
                f"{type(model).__name__} must map [n, {', '.join(map(str, image_shape))}] to "
                f"logits [n, {len(self.class_names)}]; one image gives {shape}"
            )

    @property
    def image_size(self) -> int:
        """The number of values in one image."""
        return math.prod(self.image_shape)

    @cached_property
    def head(self) -> LinearHead:
        """The linear last layer.

        Raises
        ------
        CapabilityError
            If the last layer of the network is not linear; the message names the layer.
        """
        return find_linear_head(self.model, self._noise())

    def hidden(self, layer: str | None = None) -> HiddenLayer:
        """Return a hidden layer's activations, and the rest of the network as a function of them.

        Parameters
        ----------
        layer
            Its name, as in ``named_modules``; ``None`` for the input of the linear last layer.

        Raises
        ------
        CapabilityError
            If there is no such layer, or the logits do not follow from it alone.
        """
        if layer is None:
            return Embedding(self.model, self.head)
        return NamedLayer(self.model, layer, self._noise())

    def layers(self, *kinds: type[nn.Module]) -> tuple[str, ...]:
        """Return the names of the modules of some classes that run, in the order of last runs.

        A module that runs several times stands where it runs for the last time.
        """
        return in_order(self.model, self._noise(), kinds)

    def weighted_layers(self) -> tuple[str, ...]:
        """Return the names of the modules that own parameters, in the order in which they run."""
        return weighted_layers(self.model, self._noise())

    def _black(self) -> Tensor:
        return torch.zeros(1, *self.image_shape, device=self.device)

    def _noise(self) -> Tensor:
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
        return embeddings[0], logits

    @torch.no_grad()
    def embed(self, images: Tensor, *, batch_size: int = 512) -> Tensor:
        """Return the embeddings ``[n, l]``, the linear last layer's input, on its device.

        Raises
        ------
        CapabilityError
            If the network has no linear last layer.
        """
        batches = torch.split(images, batch_size)
        return torch.cat([self.embed_and_classify(batch.to(self.device))[0] for batch in batches])

    @torch.no_grad()
    def logits(self, images: Tensor, *, batch_size: int = 512) -> Tensor:
        """Return the logits ``[n, K]``, on the classifier's device."""
        batches = torch.split(images, batch_size)
        return torch.cat([self.model(batch.to(self.device)) for batch in batches])

    def probabilities(self, images: Tensor) -> Tensor:
        """Return the probabilities of the classes, ``[n, K]``; each row sums to one."""
        return self.logits(images).softmax(dim=1)

    def predict(self, images: Tensor) -> Tensor:
        """Return ``[n]``, the indices of the most probable classes."""
        return self.logits(images).argmax(dim=1)

    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Return the share of images whose predicted class is their label, in [0, 1]."""
        hits = self.predict(images) == labels.to(self.device)
        return float(hits.cpu().double().mean())


class ClassifierSource(Plugin, ABC):
    """The source of a classifier: training, or the user's own weights."""

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

    @abstractmethod
    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        """Return the classifier that ``to_record`` stored."""

    def to_record(self, classifier: Classifier) -> Record:
        """Return the weights, from which ``restore`` builds the classifier again."""
        return Record(tensors=dict(classifier.model.state_dict()))
