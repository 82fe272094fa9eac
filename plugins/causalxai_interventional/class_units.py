"""The units of the last layer on which the logits of the classes depend."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai_interventional.edits import EditableLayer, channel_dim

_TRIED = 8
_ROUNDING = 1e-6


@torch.no_grad()
def class_units(classifier: Classifier, layer: EditableLayer, images: Tensor) -> Tensor | None:
    """Return for each class the only unit of a layer on which its logit depends.

    That unit k is class k is no more than a convention: a network may return its last layer's
    units in another order, multiply them by a matrix or normalise them. Which logits a unit moves
    is therefore measured.

    Parameters
    ----------
    classifier
        The classifier.
    layer
        The last layer; the units of a convolution are its channels.
    images
        ``[n, c, h, w]`` that differ from one another, on the classifier's device.

    Returns
    -------
    Tensor or None
        ``[K]``, different units of the layer; ``None`` if some class does not depend on one unit
        alone. Units of no class, as of a network that knows more classes, move no logit.
    """
    classes, width = len(classifier.class_names), layer.weight.shape[0]
    if width < classes:
        return None
    logits, outputs = _recorded(classifier, layer, images)
    size = 1 + max(float(output.abs().max()) for output in outputs)
    rounding = _ROUNDING * float(logits.abs().max())
    same = _same_values(outputs[0], logits) if len(outputs) == 1 else None
    moved: dict[int, int] = {}
    for unit in _tried(width, same):
        moves = torch.zeros(classes, dtype=torch.bool, device=logits.device)
        for change in _changes(size):
            after = _with_unit(classifier, layer, images, unit, change)
            # Not a number counts as moved.
            moves |= ~((after - logits).abs() <= rounding).all(dim=0)
        if int(moves.sum()) > 1:
            return None
        if bool(moves.any()):
            moved[unit] = int(moves.nonzero())
    if same is not None:
        units = same.tolist()
        tried = {unit: units.index(unit) for unit in _tried(width, same) if unit in units}
        return same if moved == tried else None
    if sorted(moved.values()) != [*range(classes)]:
        return None
    return torch.tensor(sorted(moved, key=moved.__getitem__), device=logits.device)


def _tried(width: int, same: Tensor | None) -> list[int]:
    """Return the units that are changed: a few where the logits equal the units, or else all."""
    if same is None:
        return [*range(width)]
    units = same.tolist()
    others = [unit for unit in range(width) if unit not in units]
    some = (part[:: -(-len(part) // _TRIED)] for part in (units, others) if part)
    return [unit for part in some for unit in part]


def _changes(size: float) -> tuple[Callable[[Tensor], Tensor], ...]:
    """Return changes of a unit, small and large, to both sides; ``size`` is that of the units."""
    return (
        torch.zeros_like,
        lambda unit: unit + 0.1 * size,
        lambda unit: unit + 100 * size,
        lambda unit: unit - 100 * size,
    )


def _same_values(output: Tensor, logits: Tensor) -> Tensor | None:
    """Return the unit that equals each logit, if every logit equals exactly one unit alone."""
    varies = output.dim() == 2 and bool((output != output[:1]).any(dim=0).all())
    if not varies or len(output) != len(logits):
        return None
    equal = (output.to(logits.dtype)[:, None, :] == logits[:, :, None]).all(dim=0)
    one_to_one = bool((equal.sum(dim=0) <= 1).all() and (equal.sum(dim=1) == 1).all())
    return equal.to(torch.uint8).argmax(dim=1) if one_to_one else None


def _recorded(
    classifier: Classifier, layer: EditableLayer, images: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Return the logits, and the layer's output in each of its runs."""
    outputs: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _l, _a, output: outputs.append(output.clone()))
    try:
        return classifier.model(images), outputs
    finally:
        handle.remove()


def _with_unit(
    classifier: Classifier,
    layer: EditableLayer,
    images: Tensor,
    unit: int,
    change: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the logits ``[n, K]`` when one unit is changed in each run of the layer."""

    def hook(_layer: object, _args: object, output: Tensor) -> Tensor:
        changed = output.clone()
        channel = changed.movedim(channel_dim(layer), 0)[unit]
        channel.copy_(change(channel))
        return changed

    handle = layer.register_forward_hook(hook)
    try:
        logits: Tensor = classifier.model(images)
        return logits
    finally:
        handle.remove()
