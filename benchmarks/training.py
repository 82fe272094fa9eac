"""How fast is a step of a twin's training? One JSON line a case, both sides in one process.

    python benchmarks/training.py [--rounds 5] [--threads 1] [--device cpu] [--cases twin-64px ...]

``ratio_vs_stylegan2``: the time of a step of a straightforward StyleGAN2 (``_stylegan2.py``) with
as many channels at each resolution, as many latents and dense layers, and a batch of as many images
as the twin renders in a step, divided by that of the twin's. The twin's includes what StyleGAN2
does not have: the classifier's readings of all rendered images and the gradients through it.
Regularisers count in both with the share of the steps that have them. In the case ``mixed``, the
twin computes in mixed precision, and the other side in single precision, as always.

``share_of_limit``: the arithmetic of a step per second (convolutions and matrix products, counted
by PyTorch), divided by that of the machine's own convolutions: those of the step, forward and
backward, of the same shapes, repeated alone. Both for the most frequent step, without regularisers.
What falls short of a goal is printed with its ``profile``: the share of the time by operation.

On the CPU with one thread, times are those of the processor, so that other processes disturb less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from _convolutions import Convolutions, flops
from _stylegan2 import PATH_EVERY, R1_EVERY, StyleGan2
from torch import nn
from torch.nn import functional as F
from torch.profiler import profile

from causalxai import Classifier
from causalxai_glance.twin.generator import resolutions, width
from causalxai_glance.twin.objective import Batch
from causalxai_glance.twin.training import TwinConfig, TwinTraining
from causalxai_models.celeba_cnn import CelebACnn
from causalxai_models.lenet import LeNet

RATIO, SHARE = 2.0, 0.6
NAMED, MATERIAL = 2, 256
TWIN_R1_EVERY, TWIN_PATH_EVERY = 16, 8
WARM_UP, PROFILED, SHOWN = 3, 3, 12
# Steps without regularisers, with the path length alone, and with both; 16 k + each.
PLAIN, PATH, BOTH = 17, 24, 16


@dataclass
class Sides:
    """A twin's training, a StyleGAN2 of the same size, and the seconds of each, by step."""

    twin: TwinTraining
    reference: StyleGan2
    clock: Callable[[], float]
    ours: dict[int, list[float]] = field(default_factory=dict)
    theirs: dict[int, list[float]] = field(default_factory=dict)
    alone: list[float] = field(default_factory=list)

    def measure(self, rounds: int) -> Convolutions:
        for number in range(WARM_UP):
            self.twin.step(number)
            self.reference.step(number)
        with Convolutions() as convolutions:
            self.twin.step(PLAIN)
        for _ in range(rounds):
            for number in (PLAIN, PATH, BOTH):
                for seconds, step in (
                    (self.ours, self.twin.step),
                    (self.theirs, self.reference.step),
                ):
                    started = self.clock()
                    step(number)
                    seconds.setdefault(number, []).append(self.clock() - started)
            self.alone.append(convolutions.seconds(self.clock))
        return convolutions

    def profile(self) -> list[str]:
        """Return the operations that take most of a step without regularisers."""
        with profile() as profiler:
            for number in range(PROFILED):
                self.twin.step(PLAIN + number)
        events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
        total = sum(event.self_cpu_time_total for event in events)
        return [f"{each.key} {each.self_cpu_time_total / total:.1%}" for each in events[:SHOWN]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cases: dict[str, Callable[[torch.device], TwinTraining]] = {
        "twin-32px": lambda device: twin(LeNet((1, 32, 32), 10), (1, 32, 32), device),
        "twin-32px-paper": lambda device: twin(
            LeNet((1, 32, 32), 10), (1, 32, 32), device, losses="paper"
        ),
        "twin-64px": lambda device: twin(CelebACnn((3, 64, 64), 2), (3, 64, 64), device),
        "twin-64px-mixed": lambda device: twin(
            CelebACnn((3, 64, 64), 2), (3, 64, 64), device, precision="mixed"
        ),
    }
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", nargs="+", choices=list(cases), default=list(cases))
    parser.add_argument("--device", type=torch.device, default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = clock_for(arguments.device, arguments.threads)
    for name in arguments.cases:
        torch.manual_seed(0)
        training = cases[name](arguments.device)
        sides = Sides(training, reference_of(training), clock)
        line = {"case": name, "threads": arguments.threads, **result(sides, arguments.rounds)}
        print(json.dumps(line), flush=True)


def result(sides: Sides, rounds: int) -> dict[str, object]:
    """Measure both sides; return what is printed."""
    convolutions = sides.measure(rounds)
    ours = amortised(sides.ours, TWIN_PATH_EVERY, TWIN_R1_EVERY)
    theirs = amortised(sides.theirs, PATH_EVERY, R1_EVERY)
    plain = statistics.median(sides.ours[PLAIN])
    speed = flops(lambda: sides.twin.step(PLAIN)) / plain
    limit = convolutions.flops / statistics.median(sides.alone)
    found: dict[str, object] = {
        "ratio_vs_stylegan2": round(theirs / ours, 2),
        "seconds": round(ours, 4),
        "stylegan2_seconds": round(theirs, 4),
        "images": len(sides.reference.images),
        "share_of_limit": round(speed / limit, 3),
        "gflop_per_second": round(speed / 1e9, 1),
        "convolutions_gflop_per_second": round(limit / 1e9, 1),
    }
    if theirs / ours < RATIO or speed / limit < SHARE:
        found["profile"] = sides.profile()
    return found


def amortised(seconds: dict[int, list[float]], path_every: int, r1_every: int) -> float:
    """Return the mean time of a step, of which few have regularisers.

    Steps with R1 have the path length, too.
    """
    plain, path, both = (statistics.median(seconds[number]) for number in (PLAIN, PATH, BOTH))
    return plain + (path - plain) / path_every + (both - path) / r1_every


def twin(
    model: nn.Module, shape: tuple[int, int, int], device: torch.device, **settings: object
) -> TwinTraining:
    """Return the training of a twin as in the specs, of an untrained network on soft noise."""
    classes = model(torch.zeros(1, *shape)).shape[1]
    names = [str(k) for k in range(classes)]
    classifier = Classifier(model, class_names=names, image_shape=shape, device=device)
    images = F.interpolate(torch.rand(MATERIAL, shape[0], 8, 8), size=shape[1:], mode="bilinear")
    material = Batch(
        images,
        classifier.embed(images).cpu(),
        classifier.logits(images).cpu(),
        torch.randn(MATERIAL, NAMED),
    )
    config = TwinConfig.model_validate(settings)
    return TwinTraining(classifier, material, config, torch.Generator().manual_seed(0))


def reference_of(training: TwinTraining) -> StyleGan2:
    """Return a StyleGAN2 as wide as the twin and its discriminator."""
    config, shape = training.config, training.classifier.image_shape
    sizes = resolutions(shape)
    # With the objective of do(), a step renders reconstructions and as many intervened images.
    count = config.batch_size * (2 if config.losses == "do-cycle" else 1)
    return StyleGan2(
        [width(config.channels, size) for size in sizes],
        [width(config.channels // 2, size) for size in reversed(sizes)],
        training.material.images[:count].to(training.device),
        latents=config.latents,
        layers=config.layers,
    )


def clock_for(device: torch.device, threads: int) -> Callable[[], float]:
    if device.type == "cpu":
        return time.process_time if threads == 1 else time.perf_counter

    def after_all_work() -> float:
        torch.accelerator.synchronize()
        return time.perf_counter()

    return after_all_work


if __name__ == "__main__":
    sys.exit(main())
