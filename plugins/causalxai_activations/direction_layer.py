"""The layer in which directions are looked for."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.network.dividing_layers import dividing_layers
from causalxai.network.hidden_layer import HiddenLayer

_SAME = 1e-4
_TRIED = 2


def gradients(layer: HiddenLayer, activations: Tensor, target: Tensor) -> Tensor:
    """Return the gradients of one logit of each image by the layer's activations, ``[n, width]``.

    Parameters
    ----------
    layer
        The layer.
    activations
        ``[n, ...]``, on the classifier's device.
    target
        ``[n]``, the classes whose logits are meant.
    """
    with torch.enable_grad():
        leaf = activations.detach().clone().requires_grad_()
        logits = layer.logits(leaf)
        chosen = logits.gather(1, target.to(logits.device)[:, None]).sum()
        (found,) = torch.autograd.grad(chosen, leaf)
    return found.flatten(1)


def bends(layer: HiddenLayer, images: Tensor) -> bool:
    """Return whether the logits are not linear in a layer: their gradients differ between images.

    Where they are linear, any direction raises a logit for all images or for none. The gradients
    are those of a sum of all logits with unequal weights, because some logits may be constant.
    """
    with torch.no_grad():
        activations = layer.activations(images)
    with torch.enable_grad():
        leaf = activations.detach().clone().requires_grad_()
        logits = layer.logits(leaf)
        weights = torch.linspace(1, 2, logits.shape[1]).to(logits)
        (found,) = torch.autograd.grad((logits @ weights).sum(), leaf)
    return bool((found - found[:1]).abs().max() > _SAME * found.abs().max())


def direction_layer(classifier: Classifier, name: str | None, images: Tensor) -> HiddenLayer:
    """Return a layer, or the last one in which the logits are not linear.

    Parameters
    ----------
    classifier
        The classifier.
    name
        The layer's name; ``None`` for the last layer from which the logits follow and in which
        they are not linear.
    images
        ``[n, c, h, w]``, two or more on which layers are tried.

    Raises
    ------
    CapabilityError
        If there is no such layer.
    """
    if name is not None:
        return classifier.hidden(name)
    images = images.to(classifier.device)
    classifier.require_layers()
    for candidate in reversed(dividing_layers(classifier.model, images[:_TRIED])):
        try:
            layer = classifier.hidden(candidate.name)
        except CapabilityError:
            # What is tried on images is more than what the steps of one computation tell.
            continue
        if bends(layer, images):
            return layer
    raise CapabilityError(
        "tcav found no layer from which alone the logits follow and in which they are not linear; "
        "name a layer by concepts.layer"
    )
