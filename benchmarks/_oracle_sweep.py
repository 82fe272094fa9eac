"""A sweep over all layers of a network, from those of its layers that were measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from _arithmetic import limit
from _oracle_cases import Effort
from _oracle_sides import Measured, Subject, rounded


def sweep_line(
    subject: Subject,
    images: int,
    effort: Effort,
    found: Mapping[str, Measured],
    *,
    with_captum: bool,
) -> tuple[dict[str, object], Measured]:
    """Return the figures of a sweep's line, and the layer that takes the largest part of its time.

    Parameters
    ----------
    subject
        The network.
    images
        The number of images.
    effort
        How many layers are measured, and how.
    found
        Layers that are measured already, by name.
    with_captum
        Whether captum is called on the layers that are not.
    """
    measured = _measured(subject, images, effort, found, with_captum=with_captum)
    some = list(measured.values())
    ours, edits, work = _total(subject, measured)
    naive = statistics.median(value for one in some for value in one.naive)
    captum = [value for one in some for value in one.captum]
    ratio = edits * naive / ours
    most = limit(subject.arithmetic.forward, work / edits, edits)
    by_captum = statistics.median(captum) * edits / ours if captum else None
    effects = torch.cat([one.effects for one in some])
    slowest = max(some, key=lambda one: one.layer.count * one.seconds_per_edit)
    return {
        "ratio_vs_naive": rounded(ratio),
        "ratio_vs_captum": None if by_captum is None else rounded(by_captum),
        "limit": rounded(most),
        "share_of_limit": round(ratio / most, 4),
        "limit_in_batches": rounded(most * subject.batching(images)),
        "edits": sum(one.edits for one in some),
        "edits_of": edits,
        "layers": len(some),
        "layers_of": len(subject.space.layers),
        "naive_sampled": round(sum(one.naive_sampled for one in some) / edits, 4),
        "max_abs_diff": max(one.max_abs_diff for one in some),
        "median_effect": float(effects[effects > 0].median()),
        "seconds": round(ours, 3),
        "setup_seconds": round(sum(one.setup for one in some), 2),
        "slowest_layer": slowest.layer.name,
    }, slowest


def _measured(
    subject: Subject,
    images: int,
    effort: Effort,
    found: Mapping[str, Measured],
    *,
    with_captum: bool,
) -> dict[str, Measured]:
    """Return the layers that are measured already, and those that the effort adds."""
    layers = subject.space.layers
    chosen = {layers[place].name for place in spread(len(layers), effort.layers)}
    measured = dict(found)
    for layer in layers:
        if layer.name in chosen - set(found):
            measured[layer.name] = subject.measure(layer, images, effort, with_captum=with_captum)
    return measured


def _total(subject: Subject, measured: Mapping[str, Measured]) -> tuple[float, int, float]:
    """Return the seconds, the edits and the operations of all layers together."""
    layers = subject.space.layers
    counts = [layer.count for layer in layers]
    needed = [subject.needed(layer) for layer in layers]
    known = [
        measured[layer.name].seconds_per_edit if layer.name in measured else None
        for layer in layers
    ]
    seconds = by_arithmetic(needed, known)
    ours = sum(count * cost for count, cost in zip(counts, seconds, strict=True))
    work = sum(count * flops for count, flops in zip(counts, needed, strict=True))
    return ours, sum(counts), work


def spread(count: int, some: int | None) -> list[int]:
    """Return ``some`` of ``count`` places, evenly spread from the first to the last one."""
    if some is None or some >= count:
        return list(range(count))
    return sorted({round(place) for place in np.linspace(0, count - 1, some)})


def by_arithmetic(needed: Sequence[float], seconds: Sequence[float | None]) -> list[float]:
    """Fill in the seconds that were not measured.

    Parameters
    ----------
    needed
        The operations that an edit needs, by layer.
    seconds
        The seconds of an edit by layer; ``None`` where they were not measured.

    Returns
    -------
    list
        The seconds by layer: linear in the operations between the measured layers that need next
        to more and next to less; constant outside.
    """
    known = sorted(
        (flops, cost) for flops, cost in zip(needed, seconds, strict=True) if cost is not None
    )
    x, y = zip(*known, strict=True)
    filled = np.interp(needed, x, y)
    return [
        float(guess) if cost is None else cost for guess, cost in zip(filled, seconds, strict=True)
    ]
