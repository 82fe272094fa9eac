"""Parameter randomisation: copies of a classifier that have lost what it learned."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy

import torch
from torch import nn

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError


def randomised(
    classifier: Classifier, rng: torch.Generator, *, layers: Collection[str] | float = 1.0
) -> Classifier:
    """Return a copy whose weights are shuffled within each tensor.

    The shapes and the distribution of each tensor are kept, but what was learned is lost, so an
    explanation of the classifier has to change [1]_. Buffers, such as the statistics of batch
    normalisation, are kept, and so are tensors whose entries are all equal.

    Parameters
    ----------
    classifier
        The classifier; it is not changed.
    rng
        The CPU generator of the permutations.
    layers
        The layers whose weights are shuffled: names as in ``Classifier.weighted_layers``, or the
        share of these in (0, 1], counted from the logits downwards and rounded up (the cascade of
        [1]_).

    Raises
    ------
    CapabilityError
        If there is no such layer, or none with weights.
    ValueError
        If the share is not in (0, 1].

    References
    ----------
    .. [1] Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 4.
    """
    known = classifier.weighted_layers()
    chosen = _from_the_top(known, layers) if isinstance(layers, int | float) else tuple(layers)
    unknown = [name for name in chosen if name not in known]
    if unknown or not known:
        what = f"no layer {unknown[0]!r} with weights" if unknown else "no layer with weights"
        raise CapabilityError(f"the classifier has {what} (there are: {', '.join(known)})")
    model = deepcopy(classifier.model)
    shuffled: set[int] = set()
    for name in (name for name in known if name in chosen):
        for tensor in model.get_submodule(name).parameters(recurse=False):
            if id(tensor) not in shuffled:
                _shuffle(tensor, rng)
                shuffled.add(id(tensor))
    return Classifier(
        model,
        class_names=classifier.class_names,
        image_shape=classifier.image_shape,
        feature_layer=classifier.feature_layer,
        device=classifier.device,
    )


def _from_the_top(known: tuple[str, ...], share: float) -> tuple[str, ...]:
    if not 0 < share <= 1:
        raise ValueError(f"the share of layers must be in (0, 1], not {share:g}")
    return known[len(known) - max(1, -int(-share * len(known) // 1)) :] if known else ()


@torch.no_grad()
def _shuffle(tensor: nn.Parameter, rng: torch.Generator) -> None:
    order = torch.randperm(tensor.numel(), generator=rng).to(tensor.device)
    tensor.copy_(tensor.flatten()[order].view_as(tensor))
