"""Layers whose activations are non-negative, or of which the network uses only what is positive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.network.dividing_layers import dividing_layers
from causalxai.network.hidden_layer import HiddenLayer

# Relative to the logits: another path through the network's arithmetic may round differently.
_TOLERANCE = 1e-5
_TRIED = 2
_AT_ONCE = 128


@dataclass(frozen=True)
class NonNegativeLayer:
    """A hidden layer, read without the negative values that the layers behind it ignore.

    The output of a convolution that a ReLU follows is such a layer, although it has negative values
    itself: the logits are the same without them.

    Parameters
    ----------
    hidden
        The layer; its activations are ``[c, h, w]``, or ``[c]``, which are read as ``[c, 1, 1]``.
    """

    hidden: HiddenLayer

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.hidden.name

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the activations of one image."""
        channels, *places = self.hidden.shape
        height, width = places or (1, 1)
        return channels, height, width

    def activations(self, images: Tensor) -> Tensor:
        """Return the activations ``[n, c, h, w]`` of images on the classifier's device, >= 0."""
        return self.hidden.activations(images).clamp(min=0).reshape(-1, *self.shape)

    def logits(self, activations: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` for activations ``[n, c, h, w]``."""
        rows = activations.reshape(-1, *self.hidden.shape)
        # The layers behind may be wider, and some networks run those before on as many images.
        return torch.cat([self.hidden.logits(some) for some in rows.split(_AT_ONCE)])


@torch.no_grad()
def nonnegative_layer(classifier: Classifier, name: str | None, images: Tensor) -> NonNegativeLayer:
    """Return a layer, or the last one that has non-negative activations in space.

    Parameters
    ----------
    classifier
        The classifier.
    name
        The layer's name; ``None`` for the last layer with activations ``[c, h, w]`` of more than
        one place, from which the logits follow and whose negative values, if it has any, do not
        matter to them.
    images
        ``[n, c, h, w]``, a few images on which layers are tried.

    Raises
    ------
    CapabilityError
        If there is no such layer, or it does not fit; the message names one that does.
    """
    images = images.to(classifier.device)
    if name is None:
        found = _last_in_space(classifier, images)
        if found is None:
            raise CapabilityError(
                "craft needs a layer with non-negative activations [channels, height, width], such "
                "as the output of a ReLU, from which alone the logits follow, and the classifier "
                "has none. A layer without places can be named by concepts.layer, and the concept "
                "space 'tcav' needs no such layer"
            )
        return found
    hidden = classifier.hidden(name)
    fault = _fault(hidden, images)
    if fault is None:
        return NonNegativeLayer(hidden)
    other = _last_in_space(classifier, images)
    would_do = "" if other is None else f"; {other.name!r} would do"
    raise CapabilityError(f"concepts.layer: the layer {name!r} {fault}{would_do}")


def _fault(hidden: HiddenLayer, images: Tensor) -> str | None:
    """Return why factors cannot make up a layer's activations, in words; ``None`` if they can."""
    if len(hidden.shape) not in (1, 3):
        return (
            f"has activations {list(hidden.shape)} for an image, and craft needs [channels, "
            "height, width], or channels alone"
        )
    activations = hidden.activations(images)
    if float(activations.min()) >= 0:
        return None
    logits, without = hidden.logits(activations), hidden.logits(activations.clamp(min=0))
    if torch.allclose(logits, without, rtol=0, atol=_TOLERANCE * (1 + float(logits.abs().max()))):
        return None
    return (
        "has negative activations that matter to the logits, and non-negative factors cannot make "
        "them up; name a layer after a ReLU"
    )


def _last_in_space(classifier: Classifier, images: Tensor) -> NonNegativeLayer | None:
    classifier.require_layers()
    for candidate in reversed(dividing_layers(classifier.model, images[:_TRIED])):
        if len(candidate.shape) != 3 or math.prod(candidate.shape[1:]) == 1:
            continue
        try:
            hidden = classifier.hidden(candidate.name)
        except CapabilityError:
            # What is tried on images is more than what the steps of one computation tell.
            continue
        if _fault(hidden, images) is None:
            return NonNegativeLayer(hidden)
    return None
