"""An oracle's pictures, and how far pictures are from one another."""

from __future__ import annotations

from collections.abc import Callable

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
    """Return the pictures of each pass through the concepts, with nothing done.

    In each pass the concepts are read from the pictures of the last one.

    Parameters
    ----------
    oracle
        A bound oracle that renders.
    images
        ``[n, c, h, w]``, in the first pass.
    passes
        How many, one or more.

    Returns
    -------
    Tensor
        ``[passes, n, c, h, w]``.
    """
    nothing = Intervention.none()
    units = _read(lambda: oracle.space.encode(images.to(oracle.classifier.device)))
    found = [pictures(oracle, units, nothing)[0]]
    for _ in range(passes - 1):
        units = read_again(oracle, found[-1], units, nothing)
        found.append(pictures(oracle, units, nothing)[0])
    return torch.stack(found)


def read_again(oracle: Oracle, images: Tensor, units: Units, done: Intervention) -> Units:
    """Read the concepts of an oracle's pictures.

    Parameters
    ----------
    oracle
        A bound oracle that renders.
    images
        ``[n, c, h, w]``, its pictures of ``units`` after one intervention.
    units
        The ``n`` individuals before it.
    done
        The intervention.

    Raises
    ------
    MetricUndefinedError
        If the oracle's concept space reads no other images than those of the data set, and the
        oracle does not say what it painted.
    """
    return _read(lambda: oracle.read_pictures(images, units, done))


def _read(reading: Callable[[], Units]) -> Units:
    try:
        return reading()
    except DataError as reason:
        raise MetricUndefinedError(
            f"the concept space cannot read the pictures: {reason}"
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
