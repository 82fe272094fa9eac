"""An oracle's pictures, and how far pictures are from one another."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.errors import CapabilityError, DataError
from causalxai.intervention import Intervention
from causalxai.metric import MetricUndefinedError
from causalxai.oracle import Oracle


def pictures(oracle: Oracle, units: Units, done: Intervention) -> Tensor:
    """Return the oracle's pictures after interventions, ``[q, n, c, h, w]`` float32 on the CPU."""
    return oracle.query(units, done, want=("images",)).answer("images").cpu().float()


def perceived(oracle: Oracle, images: Tensor, passes: int) -> Tensor:
    """Return the pictures after some passes through the concepts, with nothing done.

    In each pass the concepts are read from the pictures of the last one.

    Parameters
    ----------
    oracle
        A bound oracle that renders.
    images
        ``[n, c, h, w]``.
    passes
        The number of passes; with 0, the images are returned as they are.
    """
    for _ in range(passes):
        images = pictures(oracle, read_again(oracle, images), Intervention.none())[0]
    return images


def read_again(oracle: Oracle, images: Tensor) -> Units:
    """Read the concepts of an oracle's pictures ``[n, c, h, w]``.

    Raises
    ------
    MetricUndefinedError
        If the concept space reads no other images than those of the data set.
    """
    try:
        return oracle.space.encode(images.to(oracle.classifier.device))
    except DataError as reason:
        raise MetricUndefinedError(
            f"the concept space cannot read the oracle's pictures: {reason}"
        ) from reason


def distance(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean absolute difference of pictures over all pixels and channels.

    Parameters
    ----------
    one, other
        ``[n, c, h, w]`` in [0, 1].

    Returns
    -------
    Tensor
        ``[n]`` float64 on the CPU, in [0, 1].
    """
    gap: Tensor = (one.cpu().double() - other.cpu().double()).abs().mean(dim=(1, 2, 3))
    return gap.clamp(max=1.0)


def features(oracle: Oracle, images: Tensor) -> tuple[Tensor, str]:
    """Return what the classifier sees in pictures, and in words what that is.

    Parameters
    ----------
    oracle
        A bound oracle, whose classifier sees the pictures.
    images
        ``[n, c, h, w]``.

    Returns
    -------
    tuple
        ``[n, l]`` float64 on the CPU: the input of the last layer, or the logits where the network
        has no linear last layer; and a remark that says so.
    """
    classifier = oracle.classifier
    try:
        return classifier.embed(images).flatten(1).cpu().double(), ""
    except CapabilityError:
        remark = "in the space of the logits: the network has no linear last layer"
        return classifier.logits(images).cpu().double(), remark


def other_images(n: int, rng: torch.Generator) -> Tensor:
    """Draw another image for each of ``n``, two or more; returns their rows ``[n]``."""
    order = torch.randperm(n, generator=rng)
    partners = torch.empty(n, dtype=torch.int64)
    partners[order] = order.roll(int(torch.randint(1, n, (1,), generator=rng)))
    return partners
