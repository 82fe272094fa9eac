"""The attribution maps that the paper compares with (figure 6), from captum."""

from __future__ import annotations

import warnings
from typing import cast

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.network.flat_gradients import refuse_flat_gradients
from causalxai.network.probe_images import probe_images
from causalxai.network.rescale import rescalable

_GAP_TOLD = 0.05
_GAP_ALLOWED = 0.01
_SMALL = 1e-3


def reference_maps(
    classifier: Classifier, images: Tensor, target: Tensor
) -> tuple[dict[str, Tensor], list[str]]:
    """Return saliency, integrated gradients and DeepLIFT, summed over colours.

    Baselines are black images. A map that the network does not allow is left out: all of them where
    it has no gradients; DeepLIFT where the maps' sums are not the differences of the logits, as for
    activations without a rule, such as GELU.

    Returns
    -------
    maps
        By name, each ``[n, h, w]``.
    remarks
        Which maps are left out or doubtful, and why.
    """
    from captum.attr import IntegratedGradients, Saliency

    try:
        classifier.require_gradients("a reference map")
        refuse_flat_gradients("a reference map", classifier.model, images.to(classifier.device))
    except CapabilityError as error:
        return {}, [f"the reference maps are left out: {error}"]
    given = images.detach().clone().to(classifier.device).requires_grad_()
    classes = target.to(classifier.device)
    difference = _difference(classifier, given, classes)
    values = {
        "saliency": Saliency(classifier.model).attribute(given, target=classes),
        "integrated gradients": IntegratedGradients(classifier.model).attribute(
            given, target=classes, n_steps=32, internal_batch_size=max(64, len(images))
        ),
    }
    remarks = []
    missing = _missing(values["integrated gradients"], difference)
    if missing > _GAP_TOLD:
        remarks.append(
            "the sums of the maps of integrated gradients miss the differences of the logits by "
            f"{missing:.0%}"
        )
    deep_lift = _deep_lift(classifier, given, classes)
    if isinstance(deep_lift, str):
        remarks.append(f"DeepLIFT is left out: {deep_lift}")
    elif (missing := _missing(deep_lift, difference)) > _GAP_ALLOWED:
        remarks.append(
            f"DeepLIFT is left out: the sums of its maps miss the differences of the logits by "
            f"{missing:.0%}"
        )
    else:
        values["DeepLIFT"] = deep_lift
    maps = {name: found.detach().sum(dim=1) for name, found in values.items()}
    infinite = [name for name, found in maps.items() if not bool(found.isfinite().all())]
    if infinite:
        remarks.append(f"{', '.join(infinite)} are left out: the gradient is not finite")
    return {name: found for name, found in maps.items() if name not in infinite}, remarks


@torch.no_grad()
def _difference(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """Return ``[n]``, how far each image's logit is above that of a black image."""
    above, below = classifier.model(images.detach()), classifier.model(torch.zeros_like(images))
    change: Tensor = above - below
    return change.gather(1, classes[:, None])[:, 0]


def _missing(values: Tensor, difference: Tensor) -> float:
    """Return by which share of the differences the maps' sums miss them, on average."""
    gap = (values.detach().flatten(1).sum(dim=1) - difference).abs().mean()
    return float(gap / difference.abs().mean().clamp(min=_SMALL))


def _deep_lift(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor | str:
    """Return the attributions of DeepLIFT, or why there are none."""
    from captum.attr import DeepLift

    probes = probe_images(classifier.image_shape)[:6].to(images.device)
    with warnings.catch_warnings():
        # captum warns about its own hooks on every call, and removes them.
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        try:
            copy, _ = rescalable(classifier.model, probes)
            return cast("Tensor", DeepLift(copy).attribute(images, target=classes))
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # captum runs the user's forward() under its hooks, which may raise any exception.
            return f"it cannot follow the network ({error})"
