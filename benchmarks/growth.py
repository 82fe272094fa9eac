"""How does the oracle's time grow? One JSON line a quantity, with a fitted exponent.

    python benchmarks/growth.py [--quick]

A time that grows as the p-th power of a quantity has the exponent p: the slope of a straight line
through the logarithms, fitted by least squares. ``standard_error`` is the slope's. The naive loop,
which is timed for a few edits in turn with the oracle and scaled up, has an exponent of its own.
Both run on one thread; ``conditions`` says what was held fixed. Filters are removed, one at a time,
from random networks (``_networks``), and each query gets new images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from _networks import chain, svhn_net
from _oracle_sides import Subject
from _power_law import power_law
from _timing import timed

from causalxai import Intervention
from causalxai_interventional.parameter_space import ParameterLayer

_NAIVE_EDITS = 8


@dataclass(frozen=True)
class Point:
    """One measurement.

    Parameters
    ----------
    at
        The quantity.
    seconds
        The oracle's seconds.
    naive
        Those of the naive loop.
    """

    at: int
    seconds: float
    naive: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small numbers, roughly")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for case, conditions, points in quantities(1 if quick else 3, 2 if quick else 1):
        print(json.dumps(line(case, conditions, list(points))), flush=True)


def quantities(rounds: int, smaller: int) -> Iterator[tuple[str, str, Iterator[Point]]]:
    """Yield each quantity's name, what is held fixed, and its points, to be measured one by one."""
    svhn = Subject(svhn_net(), "slice")
    conv4 = svhn.space.layer("conv4")
    edits = [256, 512, 1024, 2048, 4096]
    yield (
        "edits",
        "slices of the fourth of six convolutions of the plain network for 32 px, 1 image",
        (point(svhn, [conv4], count, 1, count, rounds) for count in edits[: 5 - smaller + 1]),
    )
    images = [1, 2, 4, 8, 16, 32]
    yield (
        "images",
        "256 slices of the same layer",
        (point(svhn, [conv4], 256, count, count, rounds) for count in images[: 6 - smaller + 1]),
    )
    depths = [2, 4, 8, 16]
    yield (
        "layers",
        "a sweep over all filters of a chain of equal convolutions of 16 channels at 16 px, "
        "1 image: the number of edits grows as well, and a forward pass takes longer",
        (_chain_point(depth, 16, depth, rounds) for depth in depths[: 4 - smaller + 1]),
    )
    sizes = [16, 32, 64, 128]
    yield (
        "image size",
        "the side in pixels; a sweep over all filters of a chain of four convolutions of 16 "
        "channels, 1 image",
        (_chain_point(4, size, size, rounds) for size in sizes[: 4 - smaller + 1]),
    )


def _chain_point(depth: int, size: int, at: int, rounds: int) -> Point:
    subject = Subject(chain(depth, size), "filter")
    return point(subject, subject.space.layers, None, 1, at, rounds)


def point(
    subject: Subject,
    layers: Sequence[ParameterLayer],
    edits: int | None,
    images: int,
    at: int,
    rounds: int,
) -> Point:
    """Measure a query about some edits of each layer, or about all of them, and the naive loop."""
    concepts = torch.cat([layer.targets[:edits] for layer in layers])
    ours, naive = [], []
    for turn in range(rounds + 1):
        inputs = subject.images(images, turn)
        units = subject.space.encode(inputs)
        _, seconds = timed(
            lambda units=units: subject.oracle.query(units, Intervention.ablate(concepts))
        )
        ours.append(seconds)
        middle = layers[len(layers) // 2]
        _, seconds = subject.naive(inputs, middle, middle.targets[:_NAIVE_EDITS])
        naive.append(seconds / _NAIVE_EDITS * len(concepts))
    # In the first round the oracle tries what is exact.
    return Point(at, statistics.median(ours[1:]), statistics.median(naive[1:]))


def line(case: str, conditions: str, points: Sequence[Point]) -> dict[str, object]:
    """Return a quantity's line."""
    at = [one.at for one in points]
    ours = power_law(at, [one.seconds for one in points])
    naive = power_law(at, [one.naive for one in points])
    return {
        "benchmark": "growth",
        "case": case,
        "exponent": round(ours.exponent, 2),
        "standard_error": round(ours.standard_error, 2),
        "naive_exponent": round(naive.exponent, 2),
        "naive_standard_error": round(naive.standard_error, 2),
        "at": at,
        "seconds": [round(one.seconds, 5) for one in points],
        "naive_seconds": [round(one.naive, 5) for one in points],
        "conditions": conditions,
    }


if __name__ == "__main__":
    sys.exit(main())
