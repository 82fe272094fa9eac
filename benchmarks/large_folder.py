"""How long a folder of many photograph-sized images takes to open, and how much memory a run takes.

The folder is made in a temporary place. A small network, whose weights are written by hand, is
explained on 16 images, by gradients and by interventions on its filters; nothing is trained. The
images would take 12 GB as numbers, of which the run keeps a few batches at a time: its peak is to
stay below 4 GB. One JSON line tells of each step: its seconds, those for which the process
computed, and the peak of the memory until then; the last one of the peak of the run.

    python benchmarks/large_folder.py [--count 20000] [--size 224] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from PIL import Image
from torch import nn

import causalxai as cx

CLASSES = ("blue", "green", "red")
RED_GREEN_BLUE = ("red", "green", "blue")
EXPLAINED = 16
LIMIT_GB = 4.0
LIMIT_SECONDS_TO_OPEN = 10.0


def main() -> None:
    """Print the seconds of each step and the peak of the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, help="the number of images")
    parser.add_argument("--size", type=int, default=224, help="height and width of the images")
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's threads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "photos")
        started = Start()
        write_images(folder, options.count, options.size)
        tell(f"{options.count} images written", started)
        started = Start()
        data = cx.Dataset.from_folder(folder, size=options.size)
        opened = f"{len(data.train) + len(data.test)} images opened"
        tell(opened, started, goal=LIMIT_SECONDS_TO_OPEN)
        classifier = small_network(data.class_names, data.image_shape)
        for method in ("saliency", "interventional"):
            started = Start()
            cx.explain(
                classifier, data, method=method, images=data.test[:EXPLAINED], out=Path(place, "o")
            )
            tell(f"{method}: {EXPLAINED} images explained, report written", started)
    print_line(
        case="the whole run",
        peak_gb=round(peak_gb(), 2),
        peak_goal_gb=LIMIT_GB,
        met=peak_gb() < LIMIT_GB,
    )


def write_images(folder: Path, count: int, size: int) -> None:
    """Write different images of soft noise as JPEG, a little wider than they are high."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    Parallel(n_jobs=-1, prefer="threads")(
        delayed(write_image)(folder, row, size) for row in range(count)
    )


def write_image(folder: Path, row: int, size: int) -> None:
    """Write one image, which is brighter in the colour of its class; ``row`` decides all else."""
    name = CLASSES[row % len(CLASSES)]
    pixels = np.random.default_rng(row).integers(192, size=(14, 16, 3), dtype=np.uint8)
    pixels[..., RED_GREEN_BLUE.index(name)] += 60
    wide = Image.fromarray(pixels).resize((size + size // 7, size), Image.Resampling.BILINEAR)
    wide.save(folder / name / f"{row:05}.jpg", quality=85)


def small_network(class_names: Sequence[str], image_shape: tuple[int, int, int]) -> cx.Classifier:
    """Return a network of two convolutions that compares the brightness of the three colours."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 8, 7, stride=4), nn.Conv2d(8, 16, 5, stride=4)
    last = nn.Linear(16, len(class_names))
    with torch.no_grad():
        for layer in (first, second, last):
            layer.weight.mul_(0.1)
        for colour, name in enumerate(RED_GREEN_BLUE):
            first.weight[colour, colour] += 1 / 49
            second.weight[colour, colour] += 1 / 25
            last.weight[class_names.index(name), colour] += 10
    model = nn.Sequential(
        first, nn.ReLU(), second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last
    )
    return cx.Classifier(model, class_names=class_names, image_shape=image_shape)


@dataclass(frozen=True)
class Start:
    """When a step started: on the clock, and by what the process has computed until then."""

    seconds: float = field(default_factory=time.perf_counter)
    computed: float = field(default_factory=time.process_time)


def tell(what: str, started: Start, goal: float | None = None) -> None:
    """Print what was done, how long it took and the peak of the memory until now."""
    seconds = time.perf_counter() - started.seconds
    print_line(
        case=what,
        seconds=round(seconds, 1),
        computed=round(time.process_time() - started.computed, 1),
        goal=goal,
        met=None if goal is None else seconds <= goal,
        peak_gb=round(peak_gb(), 2),
    )


def print_line(**line: object) -> None:
    """Print a JSON line."""
    print(json.dumps({"benchmark": "large_folder", **line}), flush=True)


def peak_gb() -> float:
    """Return the most memory that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
