"""A hidden layer divides a classifier in two parts: images to activations, these to logits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from causalxai.errors import CapabilityError, UndecidedError
from causalxai.network.adaptation import as_float32
from causalxai.network.layer_names import unknown_layer
from causalxai.network.linear_head import LinearHead

# Another batch size rounds differently. The first is relative to the logits; the second, which
# binds where they hardly differ between images, to their differences.
_TOLERANCE = 1e-4
_TOLERANCE_OF_DIFFERENCES = 1e-2
_ROUNDING = 1e-6


class HiddenLayer(ABC):
    """The activations of one layer, and the rest of the network as a function of them alone.

    Attributes
    ----------
    name
        The layer's name.
    shape
        The shape of one image's activations.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """The number of values in one image's activations."""
        return math.prod(self.shape)

    @abstractmethod
    def activations(self, images: Tensor) -> Tensor:
        """Return the activations ``[n, *shape]`` of images ``[n, c, h, w]``; differentiable."""

    @abstractmethod
    def logits(self, activations: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` for activations ``[n, *shape]``; differentiable.

        The activations may also be flat, ``[n, width]``.
        """


class NamedLayer(HiddenLayer):
    """A layer that is a module of the network.

    Parameters
    ----------
    model
        A network in evaluation mode.
    name
        The layer's name, as in ``named_modules``. Its output is read and replaced; where that is
        a tuple or another structure, as of attention, its first tensor.
    examples
        ``[n, c, h, w]``, two or more images that are not blank, on which the layer is tried.

    Raises
    ------
    CapabilityError
        If there is no such layer, if it does not run once, with a row for each image, if the
        logits do not follow from its output alone (for example because of a skip connection), or
        if that can't be tested, because all images have the same logits.
    """

    def __init__(self, model: nn.Module, name: str, examples: Tensor) -> None:
        layers = dict(model.named_modules())
        if not name or name not in layers:
            raise unknown_layer(name, [layer for layer in layers if layer])
        self.name = name
        self._model, self._layer = model, layers[name]
        self._stand_in = torch.zeros_like(examples[:1])
        with torch.no_grad():
            logits: Tensor = model(examples)
            self._allowed = self._tolerance(logits)
            own = self._output(examples)
            activations, self._dtype = as_float32(own), own.dtype
            self.shape = tuple(activations.shape[1:])
            # The layers before this one run on a single blank image, which is fastest, unless the
            # network needs the batch size that it began with.
            self._single_stand_in = True
            if not self._follow(activations, logits):
                self._single_stand_in = False
                if not self._follow(activations, logits):
                    raise CapabilityError(
                        f"the logits do not follow from the layer {name!r} alone: another path "
                        "goes around it"
                    )

    def activations(self, images: Tensor) -> Tensor:
        """Return the activations ``[n, *shape]`` of images ``[n, c, h, w]``; differentiable."""
        return as_float32(self._output(images))

    def _output(self, images: Tensor) -> Tensor:
        outputs: list[Tensor] = []

        def record(_layer: nn.Module, _inputs: object, output: object) -> None:
            tensor = first_tensor(output)
            if tensor is None:
                raise CapabilityError(
                    f"the layer {self.name!r} gives a {type(output).__name__} without a tensor"
                )
            # A copy, because the network may change the output in place afterwards.
            outputs.append(tensor.clone())

        with _hooked(self._layer, record):
            self._model(images)
        if len(outputs) != 1:
            ran = f"it runs {len(outputs)} times" if outputs else "it is never called as a module"
            raise CapabilityError(f"the layer {self.name!r} must run once; {ran}")
        if outputs[0].shape[0] != images.shape[0]:
            raise CapabilityError(
                f"the layer {self.name!r} must have one row for each image; for {len(images)} "
                f"images it gives {list(outputs[0].shape)}"
            )
        return outputs[0]

    def logits(self, activations: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` for activations ``[n, *shape]``; differentiable.

        The activations may also be flat, ``[n, width]``.
        """
        activations = activations.reshape(-1, *self.shape)
        if self._dtype != torch.float32:
            activations = activations.to(self._dtype)
        # A copy, because the following layers may change it in place.
        replacement = activations.clone()
        images = self._stand_in
        if not self._single_stand_in:
            images = images.expand(len(activations), -1, -1, -1)
        with _hooked(self._layer, lambda _layer, _inputs, output: _with_first(output, replacement)):
            logits: Tensor = self._model(images)
        return logits

    def _tolerance(self, logits: Tensor) -> float:
        """Return the largest difference of logits that is taken for rounding."""
        differences = float((logits - self._model(self._stand_in)).abs().max())
        size = float(logits.abs().max())
        allowed = min(_TOLERANCE * (1 + size), _TOLERANCE_OF_DIFFERENCES * differences)
        if differences <= 10 * _ROUNDING * size:
            raise UndecidedError(
                f"whether the logits follow from the layer {self.name!r} alone can't be tested: "
                "the network gives random pictures the same logits as a black image"
            )
        return max(allowed, _ROUNDING * size)

    def _follow(self, activations: Tensor, logits: Tensor) -> bool:
        try:
            after = self.logits(activations)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            # The batch size of the stand-in image does not fit that of the activations.
            return False
        return after.shape == logits.shape and torch.allclose(
            after, logits, atol=self._allowed, rtol=0
        )


class Embedding(HiddenLayer):
    """The input of a linear last layer; that layer alone maps it to the logits."""

    def __init__(self, model: nn.Module, head: LinearHead) -> None:
        self.name = "embedding"
        self.shape = (head.width,)
        self._model, self._head = model, head

    def activations(self, images: Tensor) -> Tensor:
        """Return the embeddings ``[n, width]`` of images ``[n, c, h, w]``; differentiable."""
        with self._head.recording() as embeddings:
            self._model(images)
        return as_float32(embeddings[0])

    def logits(self, activations: Tensor) -> Tensor:
        """Return the logits ``[n, K]``; differentiable."""
        return self._head.logits(activations)


def first_tensor(output: object) -> Tensor | None:
    """Return the first tensor in the output of a layer, which may be a tuple, say."""
    return next((leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)), None)


def _with_first(output: object, tensor: Tensor) -> object:
    """Return the output of a layer with another first tensor."""
    leaves, structure = tree_flatten(output)
    place = next(place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor))
    return tree_unflatten([*leaves[:place], tensor, *leaves[place + 1 :]], structure)


@contextmanager
def _hooked(layer: nn.Module, hook: object) -> Iterator[None]:
    handle = layer.register_forward_hook(hook)  # type: ignore[arg-type]
    try:
        yield
    finally:
        handle.remove()
