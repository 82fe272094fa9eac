"""How fast is the parameter oracle? One JSON line a case, all sides interleaved in one process.

    python benchmarks/interventional.py [--rounds 5] [--device cpu] [--cases lenet-fc1-1 ...]

``ratio_vs_naive``: the naive loop zeroes one concept's weights, runs the network, restores.
``ratio_vs_captum``: captum's LayerFeatureAblation, which can ablate whole filters only; null
elsewhere. Where ``naive_sampled`` is below 1, the naive loop ran for that share of the concepts,
drawn at random, and its time is scaled up; ``max_abs_diff`` is over those. ``median_effect`` is
the median change of a logit by the removals that change anything: what the difference is to be
compared with.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from captum.attr import LayerFeatureAblation
from torch import Tensor

from causalxai import Classifier, Intervention
from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import Granularity, ParameterLayer, ParameterSpace
from causalxai_models.lenet import LeNet
from causalxai_models.resnet18 import ResNet18

T = TypeVar("T")

CAPTUM_BATCH = 32


@dataclass
class Timing:
    """Seconds by side, one entry a round."""

    ours: list[float] = field(default_factory=list)
    naive: list[float] = field(default_factory=list)
    captum: list[float] = field(default_factory=list)
    max_abs_diff: float = 0.0
    effects: list[Tensor] = field(default_factory=list)
    naive_share: float = 1.0

    def line(self, case: str) -> dict[str, object]:
        ours = statistics.median(self.ours)
        captum = statistics.median(self.captum) / ours if self.captum else None
        effects = torch.cat([effect.flatten() for effect in self.effects]).abs()
        return {
            "case": case,
            "ratio_vs_naive": round(statistics.median(self.naive) / ours, 1),
            "ratio_vs_captum": None if captum is None else round(captum, 1),
            "max_abs_diff": self.max_abs_diff,
            "median_effect": float(effects[effects > 0].median()),
            "seconds": round(ours, 5),
            "naive_sampled": round(self.naive_share, 4),
        }


def main() -> None:
    cases: dict[str, Callable[[int], Timing]] = {
        "lenet-conv2-slices-1": lambda rounds: lenet_layer("conv2", 1, rounds),
        "lenet-conv2-slices-100": lambda rounds: lenet_layer("conv2", 100, rounds),
        "lenet-fc1-1": lambda rounds: lenet_layer("fc1", 1, rounds),
        "lenet-fc2-1": lambda rounds: lenet_layer("fc2", 1, rounds),
        "lenet-algorithm1-1": lenet_algorithm,
        "resnet18-filters-64px-1": resnet_filters,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=list(cases), default=list(cases))
    parser.add_argument("--device", type=torch.device, default="cpu")
    arguments = parser.parse_args()
    torch.set_default_device(arguments.device)
    for case in arguments.cases:
        print(json.dumps(cases[case](arguments.rounds).line(case)), flush=True)


def lenet_layer(name: str, images: int, rounds: int) -> Timing:
    """All edges of one layer of a LeNet at 28 px."""
    classifier = _classifier(LeNet((1, 28, 28), 10), (1, 28, 28))
    space, oracle = _oracle(classifier, "slice")
    units = space.encode(_images(images, 1, 28))
    layer = space.layer(name)
    timing = Timing()
    sample = _sample(layer, most=max(20, 2000 // images))
    timing.naive_share = len(sample) / layer.count
    _compare(timing, classifier, oracle, units.residual["inputs"], layer, sample, rounds)
    return timing


def lenet_algorithm(rounds: int) -> Timing:
    """The whole of algorithm 1 on one image; naive: as many single removals, scaled."""
    classifier = _classifier(LeNet((1, 28, 28), 10), (1, 28, 28))
    space, oracle = _oracle(classifier, "slice")
    units = space.encode(_images(1, 1, 28))
    target = classifier.predict(units.residual["inputs"])[:, None]
    timing = Timing()
    find_mechanisms(oracle, units, target, SelectionRule())
    for _ in range(rounds):
        found, seconds = _timed(lambda: find_mechanisms(oracle, units, target, SelectionRule()))
        timing.ours.append(seconds)
        tested = {name: layer.tested[0, 0] for name, layer in found.layers.items()}
        per_edge = []
        for name, mask in tested.items():
            layer = space.layer(name)
            indices = layer.first + mask.flatten().nonzero()[:, 0]
            some = indices[torch.randperm(len(indices), generator=_rng())[:50]]
            answers, seconds = _timed(
                lambda layer=layer, some=some: _naive(
                    classifier, units.residual["inputs"], layer, some
                )
            )
            per_edge.append(seconds / len(some) * len(indices))
            base = found.logits[0, target[0, 0]]
            naive_delta = answers[:, 0, target[0, 0]] - base
            ours = found.layers[name].delta[0, 0].flatten()[some - layer.first]
            timing.max_abs_diff = max(timing.max_abs_diff, float((naive_delta - ours).abs().max()))
            timing.effects.append(ours)
        timing.naive.append(sum(per_edge))
    total = sum(int(mask.sum()) for mask in tested.values())
    timing.naive_share = min(1.0, 50 * len(tested) / total)
    return timing


def resnet_filters(rounds: int) -> Timing:
    """All 4 800 filters of the convolutions of a ResNet18 at 64 px."""
    classifier = _classifier(_warmed(ResNet18(3, 10)), (3, 64, 64))
    space, oracle = _oracle(classifier, "filter")
    units = space.encode(_images(1, 3, 64))
    convolutions = [layer for layer in space.layers if layer.name != "fc"]
    total = Timing(naive_share=8 * len(convolutions) / sum(x.count for x in convolutions))
    by_layer = []
    for layer in convolutions:
        timing = Timing()
        inputs = units.residual["inputs"]
        _compare(timing, classifier, oracle, inputs, layer, _sample(layer, most=8), rounds)
        module = classifier.model.get_submodule(layer.name)
        ablation = LayerFeatureAblation(classifier.model, module)
        mask = torch.arange(layer.count)[None, :, None, None]
        for _ in range(2):
            _, seconds = _timed(
                lambda ablation=ablation, mask=mask, inputs=inputs: ablation.attribute(
                    inputs, target=0, layer_mask=mask, perturbations_per_eval=CAPTUM_BATCH
                )
            )
            timing.captum.append(seconds)
        by_layer.append(timing)
        total.max_abs_diff = max(total.max_abs_diff, timing.max_abs_diff)
        total.effects += timing.effects
    for side in ("ours", "naive", "captum"):
        medians = [statistics.median(getattr(timing, side)) for timing in by_layer]
        getattr(total, side).append(sum(medians))
    return total


def _compare(
    timing: Timing,
    classifier: Classifier,
    oracle: ParameterOracle,
    inputs: Tensor,
    layer: ParameterLayer,
    sample: Tensor,
    rounds: int,
) -> None:
    units = oracle.space.encode(inputs)
    everything = Intervention.ablate(torch.arange(layer.first, layer.indices.stop))
    oracle.query(units, everything)
    base = classifier.logits(inputs)
    for _ in range(rounds):
        response, seconds = _timed(lambda: oracle.query(units, everything))
        timing.ours.append(seconds)
        naive, seconds = _timed(lambda: _naive(classifier, inputs, layer, sample))
        timing.naive.append(seconds * layer.count / len(sample))
    ours = response.answer("logits")[sample - layer.first]
    timing.max_abs_diff = float((ours - naive).abs().max())
    timing.effects.append(ours - base)


@torch.no_grad()
def _naive(
    classifier: Classifier, inputs: Tensor, layer: ParameterLayer, concepts: Tensor
) -> Tensor:
    """Zero, forward, restore, one concept after the other."""
    model = classifier.model
    weight = model.get_submodule(layer.name).weight
    answers = []
    for concept in concepts.tolist():
        index = torch.tensor(concept)
        where: tuple[int, ...] = (int(layer.destination_of(index)),)
        if layer.granularity == "slice":
            where = (*where, int(layer.source_of(index)))
        before = weight[where].clone()
        weight[where] = 0
        answers.append(model(inputs))
        weight[where] = before
    return torch.stack(answers)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    _synchronize()
    started = time.perf_counter()
    result = work()
    _synchronize()
    return result, time.perf_counter() - started


def _synchronize() -> None:
    if torch.get_default_device().type != "cpu":
        torch.accelerator.synchronize()


def _oracle(
    classifier: Classifier, granularity: Granularity
) -> tuple[ParameterSpace, ParameterOracle]:
    space = ParameterSpace(granularity=granularity).fit(classifier, None, rng=_rng())
    return space, ParameterOracle().bind(classifier, space)


def _classifier(model: torch.nn.Module, shape: tuple[int, int, int]) -> Classifier:
    names = [str(k) for k in range(10)]
    return Classifier(
        model, class_names=names, image_shape=shape, device=torch.get_default_device()
    )


def _warmed(model: torch.nn.Module) -> torch.nn.Module:
    """Give batch normalisation the statistics of some images."""
    with torch.no_grad():
        for _ in range(5):
            model.train()(_images(32, 3, 64))
    return model


def _sample(layer: ParameterLayer, most: int) -> Tensor:
    return layer.first + torch.randperm(layer.count, generator=_rng())[:most]


def _images(count: int, channels: int, size: int) -> Tensor:
    return torch.rand(count, channels, size, size, generator=_rng())


def _rng() -> torch.Generator:
    return torch.Generator(torch.get_default_device()).manual_seed(0)


if __name__ == "__main__":
    torch.manual_seed(0)
    sys.exit(main())
