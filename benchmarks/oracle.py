"""How fast is the parameter oracle, and how fast could it be? One JSON line a case.

    python benchmarks/oracle.py [--networks mnist-net ViT-tiny ...] [--device cpu] [--quick]

All sides take turns in one process, on one thread. A case is a layer of a network, or the sweep
over all layers; the networks are in ``_networks``. Both sides get the same new images each round,
so that nothing that was computed for the images of an earlier round can be used again.

``ratio_vs_naive``
    The naive loop zeroes one concept's weights, runs the network and restores the weights. It runs
    for ``naive_sampled`` of the concepts, and its time is scaled up.
``ratio_vs_captum``
    captum's LayerFeatureAblation, which can ablate whole filters only; null where it was not tried.
    Scaled up from a few filters.
``edits``, ``edits_of``
    How many edits the oracle answered in one query, and how many there are. The ratio compares as
    many edits of the naive loop.
``limit``, ``share_of_limit``
    The operations of the naive loop in units of those of an ideal implementation, as
    ``_arithmetic`` counts them, for as many edits; and which share of it the ratio reaches.
``limit_in_batches``
    The limit, times how much faster this network computes in batches of the best size than in those
    of the naive loop. The ratio can be above ``limit``, but hardly above this.
``goal``, ``goal_share``, ``met``
    What ratio and what share were asked for, where any was; and whether they are reached.
``max_abs_diff``, ``median_effect``
    The largest difference between the oracle's and the naive loop's logits, and the median change
    of a logit by those removals that change anything.
``seconds``, ``setup_seconds``
    Of one query, and what had to be done before: following the network and trying what is exact.
``profile``
    The longest operations of a query with their shares of its time, where a goal is not met.

A sweep's time is the sum over all layers. Where ``layers`` is less than ``layers_of``, some layers
were measured, and the time of an edit of the others is interpolated by the arithmetic that it
needs. A layer's time is scaled up from the edits that were measured to all of them, which counts
the first forward pass more often than it is needed: the ratio is rather too low.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import torch
from _oracle_cases import QUICK_STUDIES, STUDIES, Effort, Study
from _oracle_sides import Measured, Subject
from _oracle_sweep import sweep_line
from _timing import profile, timed

from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms


def main() -> None:
    names = list(dict.fromkeys(study.network for study in STUDIES))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=names, default=names)
    parser.add_argument("--device", type=torch.device, default="cpu")
    parser.add_argument("--quick", action="store_true", help="a few cases, roughly")
    arguments = parser.parse_args()
    torch.set_default_device(arguments.device)
    torch.set_num_threads(1)
    studies = QUICK_STUDIES if arguments.quick else STUDIES
    for study in studies:
        if study.network in arguments.networks:
            for line in lines(study):
                print(json.dumps({"benchmark": "oracle", **line}), flush=True)


def lines(study: Study) -> Iterator[dict[str, object]]:
    """Yield the lines of a network."""
    torch.manual_seed(0)
    subject, seconds = timed(lambda: Subject(study.build(), study.granularity))
    for images in study.images:
        found: dict[str, Measured] = {}
        for place, goal in study.places.items():
            layer = subject.at(place)
            effort = study.effort if goal.most is None else replace(study.effort, most=goal.most)
            measured = subject.measure(layer, images, effort, with_captum=study.with_captum)
            found[layer.name] = measured
            line = measured.line()
            slow = goal.missed_by(line)
            yield {
                **_told(study, images, place),
                **line,
                **goal.line(line),
                **({"profile": profile(measured.query)} if slow else {}),
            }
        if study.sweep is not None:
            line, slowest = sweep_line(
                subject,
                images,
                study.effort,
                found,
                with_captum=study.with_captum and not found,
            )
            slow = study.sweep.missed_by(line)
            yield {
                **_told(study, images, "sweep"),
                **line,
                **study.sweep.line(line),
                "bind_seconds": round(seconds, 2),
                **({"profile": profile(slowest.query)} if slow else {}),
            }
        if study.algorithm and images == 1:
            yield {**_told(study, images, "algorithm 1"), **algorithm_line(subject, study.effort)}


def _told(study: Study, images: int, place: str) -> dict[str, object]:
    case = f"{study.network}, {place}, {images} image{'s' if images > 1 else ''}"
    return {
        "case": case,
        "network": study.network,
        "place": place,
        "granularity": study.granularity,
        "images": images,
    }


def algorithm_line(subject: Subject, effort: Effort) -> dict[str, object]:
    """Return the line of the whole of algorithm 1 on one image; naive: as many single removals."""
    ours, naive, difference, tested = [], [], 0.0, 0
    for turn in range(effort.rounds + 1):
        inputs = subject.images(1, turn)
        units = subject.space.encode(inputs)
        target = subject.classifier.predict(inputs)[:, None]
        found, seconds = timed(
            lambda units=units, target=target: find_mechanisms(
                subject.oracle, units, target, SelectionRule()
            )
        )
        if turn == 0:
            continue  # The oracle tries in the first round what is exact.
        ours.append(seconds)
        loop, tested = 0.0, 0
        for name, layer in found.layers.items():
            edited = subject.space.layer(name)
            local = layer.tested[0, 0].flatten().nonzero()[:, 0]
            some = local[:: max(1, len(local) // effort.naive_most)]
            answers, seconds = subject.naive(inputs, edited, edited.first + some)
            loop += seconds / len(some) * len(local)
            tested += len(local)
            change = answers[:, 0, target[0, 0]] - found.logits[0, target[0, 0]]
            apart = (change - layer.delta[0, 0].flatten()[some]).abs().max()
            difference = max(difference, float(apart))
        naive.append(loop)
    ratio = sorted(before / after for before, after in zip(naive, ours, strict=True))
    return {
        "ratio_vs_naive": round(ratio[len(ratio) // 2], 1),
        "ratio_vs_captum": None,
        "edits": tested,
        "edits_of": len(subject.space.concepts),
        "max_abs_diff": difference,
        "seconds": round(sorted(ours)[len(ours) // 2], 5),
    }


if __name__ == "__main__":
    sys.exit(main())
