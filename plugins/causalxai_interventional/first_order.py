"""First-order estimates of what removing each parameter does, by one backward pass an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai_interventional.edits import bias_name, editable_layer, scaled_parameters, weight_name
from causalxai_interventional.parameter_space import ParameterLayer


def first_order_effects(
    classifier: Classifier, layers: Sequence[ParameterLayer], inputs: Tensor, target: Tensor
) -> Tensor:
    """Return ``-sum w * dy/dw`` over the weights of each concept, for each image.

    Parameters
    ----------
    classifier
        The network.
    layers
        The layers whose concepts are asked for.
    inputs
        ``[n, c, h, w]``.
    target
        ``[n]``, the class of the logit y.

    Returns
    -------
    Tensor
        ``[n, d]``, float32.

    Raises
    ------
    CapabilityError
        If the logits have no gradient with respect to some layer's weights.
    """
    parameters = {
        name: tensor
        for layer in layers
        for name, tensor in scaled_parameters(
            layer.name, editable_layer(classifier.model, layer.name), layer.granularity
        ).items()
    }
    leaves = {name: p.detach().clone().requires_grad_() for name, p in parameters.items()}
    rows = []
    with torch.enable_grad():
        for image, klass in zip(inputs, target.tolist(), strict=True):
            gradients = _gradients(classifier.model, leaves, image, klass)
            terms = {
                name: -leaf * gradient
                for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True)
            }
            rows.append(torch.cat([_per_concept(layer, terms) for layer in layers]))
    return torch.stack(rows).detach().float()


def _gradients(
    model: nn.Module, leaves: dict[str, Tensor], image: Tensor, klass: int
) -> tuple[Tensor, ...]:
    """Return the gradients of one image's logit with respect to the weights."""
    logits = functional_call(model, leaves, (image[None],), tie_weights=False)
    try:
        return torch.autograd.grad(logits[0, klass], list(leaves.values()))
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise CapabilityError(
            "the network has no gradient of its logits with respect to the weights of some "
            f"layer, by which edges would be screened ({str(error).splitlines()[0]}); leave "
            "out 'screen', or name the layers in concepts.layers"
        ) from error


def _per_concept(layer: ParameterLayer, terms: Mapping[str, Tensor]) -> Tensor:
    """Sum the terms of a layer's parameters, by name, over the parameters of each concept."""
    weights = terms[weight_name(layer.name)]
    if layer.granularity == "head":
        by_head: Tensor = weights.unflatten(1, (layer.destinations, -1))
        return by_head.sum(dim=(0, 2))
    kept = 2 if layer.by_edge else 1
    sums = weights.flatten(kept).sum(dim=-1) if weights.dim() > kept else weights
    return sums.flatten() + terms.get(bias_name(layer.name), 0)
