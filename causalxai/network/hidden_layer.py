"""A hidden layer that cuts a classifier in two: what it sees, and what the rest makes of that."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError, did_you_mean
from causalxai.network.linear_head import LinearHead

_TOLERANCE = 1e-4  # of the logits' own size: another batch size rounds differently


class HiddenLayer(ABC):
    """The activations of one layer, and the rest of the network as a function of them alone.

    Attributes
    ----------
    name
        The layer's.
    shape
        Of one image's activations.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """The number of values in one image's activations."""
        return math.prod(self.shape)

    @abstractmethod
    def activations(self, images: Tensor) -> Tensor:
        """Return ``[n, *shape]`` for images ``[n, c, h, w]``; gradients flow."""

    @abstractmethod
    def logits(self, activations: Tensor) -> Tensor:
        """Return ``[n, K]``, what the rest of the network makes of ``[n, *shape]``; differentiable.

        Activations may also come flat, ``[n, width]``.
        """


class NamedLayer(HiddenLayer):
    """A layer that is a module of the network.

    Parameters
    ----------
    model
        A network in evaluation mode.
    name
        The layer, as ``named_modules`` has it; its output is meant.
    examples
        ``[n, c, h, w]`` with two or more images, to try the cut on; not blank.

    Raises
    ------
    CapabilityError
        If there is no such layer, it does not give one tensor, once, for each batch, or the
        logits do not follow from it alone (something passes it by).
    """

    def __init__(self, model: nn.Module, name: str, examples: Tensor) -> None:
        layers = dict(model.named_modules())
        if not name or name not in layers:
            known = [layer for layer in layers if layer]
            raise CapabilityError(
                f"the classifier has no layer {name!r}{did_you_mean(name, known)} "
                f"(there are: {', '.join(known)})"
            )
        self.name = name
        self._model, self._layer = model, layers[name]
        self._stand_in = torch.zeros_like(examples[:1])
        with torch.no_grad():
            logits: Tensor = model(examples)
            activations = self.activations(examples)
            self.shape = tuple(activations.shape[1:])
            self._one_for_all = True
            if not self._follow(activations, logits):
                self._one_for_all = False
                if not self._follow(activations, logits):
                    raise CapabilityError(
                        f"the logits do not follow from the layer {name!r} alone: something "
                        "passes it by; choose a later layer, or one outside a branch"
                    )

    def activations(self, images: Tensor) -> Tensor:
        """Return ``[n, *shape]`` for images ``[n, c, h, w]``; gradients flow."""
        heard: list[Tensor] = []

        def listen(_layer: nn.Module, _inputs: object, output: object) -> None:
            if not isinstance(output, Tensor):
                raise CapabilityError(
                    f"the layer {self.name!r} gives a {type(output).__name__}, not one tensor"
                )
            # A copy: the network may go on to change the output in place.
            heard.append(output.clone())

        with _hooked(self._layer, listen):
            self._model(images)
        if len(heard) != 1 or heard[0].shape[0] != images.shape[0]:
            raise CapabilityError(
                f"the layer {self.name!r} must run once with one row for each image; it ran "
                f"{len(heard)} times and gave {[list(one.shape) for one in heard]}"
            )
        return heard[0]

    def logits(self, activations: Tensor) -> Tensor:
        """Return ``[n, K]``, what the rest of the network makes of ``[n, *shape]``; differentiable.

        Activations may also come flat, ``[n, width]``.
        """
        activations = activations.reshape(-1, *self.shape)
        # A copy: what follows may change it in place.
        put_in = activations.clone()
        images = self._stand_in
        if not self._one_for_all:
            images = images.expand(len(activations), -1, -1, -1)
        with _hooked(self._layer, lambda _layer, _inputs, _output: put_in):
            logits: Tensor = self._model(images)
        return logits

    def _follow(self, activations: Tensor, logits: Tensor) -> bool:
        try:
            after = self.logits(activations)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            # The stand-in's batch size does not fit the activations'.
            return False
        scale = _TOLERANCE * (1 + float(logits.abs().max()))
        return after.shape == logits.shape and torch.allclose(after, logits, atol=scale, rtol=0)


class Embedding(HiddenLayer):
    """What a linear last layer sees: the hidden layer whose rest is that layer alone."""

    def __init__(self, model: nn.Module, head: LinearHead) -> None:
        self.name = "embedding"
        self.shape = (head.width,)
        self._model, self._head = model, head

    def activations(self, images: Tensor) -> Tensor:
        """Return ``[n, width]`` for images ``[n, c, h, w]``; gradients flow."""
        with self._head.listening() as heard:
            self._model(images)
        return heard[0]

    def logits(self, activations: Tensor) -> Tensor:
        """Return ``[n, K]``; differentiable."""
        logits: Tensor = self._head.layer(activations)
        return logits


@contextmanager
def _hooked(layer: nn.Module, hook: object) -> Iterator[None]:
    handle = layer.register_forward_hook(hook)  # type: ignore[arg-type]
    try:
        yield
    finally:
        handle.remove()
