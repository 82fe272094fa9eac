"""Classifiers: the trained network that is explained, and where it comes from."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError, ContractError
from causalxai.image_data.lazy import Images, batches
from causalxai.network.adaptation import as_float32, name_of, unwrapped
from causalxai.network.dividing_layers import offer
from causalxai.network.examination import Examination, own_randomness, refuse_unbuilt
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

_logger = logging.getLogger(__name__)

_TRIED = [0, 2, 3, 4, 5]
"""The random pictures on which a network is examined: one of each kind."""
_EXAMINED = 4
"""The number of a data set's images on which a network is examined."""


class Classifier:
    """A trained network in evaluation mode, with the names and shapes needed to use it.

    The network is examined on a few random pictures: its answer for an image must depend on nothing
    but the image. Where it writes into the images, or computes with other numbers than float32, its
    ``forward`` is replaced with one that passes copies on and returns float32 logits. Wrappers of
    ``torch.compile`` and ``nn.DataParallel`` are taken off.

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

    Raises
    ------
    ContractError
        If the network fails, does not return logits, or its answers cannot be relied on; the
        message says what is wrong.
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
        self.class_names = tuple(class_names)
        self.image_shape = image_shape
        self.feature_layer = feature_layer
        self.model = self._placed(unwrapped(model))
        self._gradient_fault = self._examined(self._noise()[_TRIED])

    def _placed(self, model: nn.Module) -> nn.Module:
        refuse_unbuilt(model)
        try:
            placed = model.to(self.device).eval()
            for parameter in placed.parameters():
                parameter.requires_grad_(False)
            return placed
        except Exception as error:
            # The network may be the user's own code, which may raise any exception.
            raise ContractError(
                f"{name_of(model)} cannot be put into evaluation mode on {self.device}: "
                f"{type(error).__name__}: {error}"
            ) from error

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
            examination.first_call(images[:1])
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

    def require_head(self, who: str) -> None:
        """Raise CapabilityError unless the logits are linear in an embedding.

        Parameters
        ----------
        who
            The name of the part that needs it, for the message.

        Raises
        ------
        CapabilityError
            If the last layer is not linear; the message names it.
        """
        try:
            _ = self.head
        except CapabilityError as error:
            raise CapabilityError(
                f"{who} needs a classifier whose logits are linear in an embedding: {error}"
            ) from error

    def require_layers(self) -> None:
        """Raise CapabilityError unless the layers of the network can be read.

        Raises
        ------
        CapabilityError
            If the network was compiled by TorchScript, which runs no hooks.
        """
        if isinstance(self.model, torch.jit.ScriptModule):
            raise CapabilityError(
                "the classifier was compiled by TorchScript, so that its layers cannot be read; "
                "load the network that it was compiled from"
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
            If the last layer of the network is not linear; the message names the layer, and the
            hidden layers that a method can use which takes a layer by name.
        """
        self.require_layers()
        try:
            return find_linear_head(self.model, self._noise())
        except CapabilityError as error:
            raise CapabilityError(
                f"{error}{self._offer('for methods that take a hidden layer by name, ')}"
            ) from error

    def hidden(self, layer: str | None = None) -> HiddenLayer:
        """Return a hidden layer's activations, and the rest of the network as a function of them.

        Parameters
        ----------
        layer
            Its name, as in ``named_modules``; ``None`` for the input of the linear last layer.

        Raises
        ------
        CapabilityError
            If there is no such layer, or the logits do not follow from it alone; the message names
            layers that would do.
        """
        self.require_layers()
        if layer is None:
            return Embedding(self.model, self.head)
        try:
            return NamedLayer(self.model, layer, self._noise())
        except CapabilityError as error:
            raise CapabilityError(f"{error}{self._offer()}") from error

    def _offer(self, prefix: str = "") -> str:
        """Return the end of a message with hidden layers that would do, if there are any."""
        found = "" if self._gradient_fault else offer(self.model, self._noise())
        return f"; {prefix}{found}" if found else ""

    def layers(self, *kinds: type[nn.Module]) -> tuple[str, ...]:
        """Return the names of the modules of some classes that run, in the order of last runs.

        A module that runs several times stands where it runs for the last time.
        """
        self.require_layers()
        return in_order(self.model, self._noise(), kinds)

    def weighted_layers(self) -> tuple[str, ...]:
        """Return the names of the modules that own parameters, in the order in which they run."""
        self.require_layers()
        return weighted_layers(self.model, self._noise())

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
        return as_float32(embeddings[0]), logits

    @torch.no_grad()
    def embed(self, images: Images, *, batch_size: int | None = None) -> Tensor:
        """Return the embeddings ``[n, l]``, the linear last layer's input, on its device.

        Raises
        ------
        CapabilityError
            If the network has no linear last layer.
        """
        copies = (batch.to(self.device, copy=True) for batch in batches(images, batch_size))
        return torch.cat([self.embed_and_classify(batch)[0] for batch in copies])

    @torch.no_grad()
    def logits(self, images: Images, *, batch_size: int | None = None) -> Tensor:
        """Return the logits ``[n, K]``, on the classifier's device."""
        # Copies, because a network may write into them for some images only.
        copies = (batch.to(self.device, copy=True) for batch in batches(images, batch_size))
        return torch.cat([self.model(batch) for batch in copies])

    def probabilities(self, images: Images) -> Tensor:
        """Return the probabilities of the classes, ``[n, K]``; each row sums to one."""
        return self.logits(images).softmax(dim=1)

    def predict(self, images: Images) -> Tensor:
        """Return ``[n]``, the indices of the most probable classes."""
        return self.logits(images).argmax(dim=1)

    def accuracy(self, images: Images, labels: Tensor) -> float:
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
        state = classifier.model.state_dict()
        for name, value in state.items():
            plain = isinstance(value, Tensor) and value.layout == torch.strided
            if not plain or value.is_quantized:
                raise CapabilityError(
                    f"{name_of(classifier.model)} cannot be stored: {name!r} in its state "
                    f"dict is a {_kind(value)}, not a plain tensor; load the network as it was "
                    "before it was quantised, or return plain tensors from state_dict()"
                )
        return Record(tensors=dict(state))


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return "quantised tensor" if value.is_quantized else "sparse tensor"
    return type(value).__name__
