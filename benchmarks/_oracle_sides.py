"""The oracle, the naive loop and captum, on the same edits of the same layer."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from _arithmetic import EditArithmetic, limit, removed
from _oracle_cases import Effort
from _timing import timed
from captum.attr import LayerFeatureAblation
from torch import Tensor, nn

from causalxai import Classifier, Intervention
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import Granularity, ParameterLayer, ParameterSpace

CAPTUM_FILTERS = 8
_COUNTED_EDITS = 3
_GROWTH = 8
_BATCHES = (1, 4, 16)


@dataclass(frozen=True)
class Measured:
    """What was measured of a layer.

    Parameters
    ----------
    layer
        The layer.
    edits
        How many edits each query had.
    forward, needed
        The operations of a forward pass, and those that an edit needs, for one image.
    batching
        How much faster the network computes in the batch that suits it best.
    ours
        Seconds of a query, by round.
    naive, captum
        Seconds of one edit, by round; captum takes part in the first round, if at all.
    naive_sampled
        How many edits of a query the naive loop was run for.
    max_abs_diff
        The largest difference between the logits of both sides.
    effects
        The changes of the logits by the edits that the naive loop was run for.
    setup
        The seconds that the layer's first query took more than another with one edit.
    query
        Runs the query once more.
    """

    layer: ParameterLayer
    edits: int
    forward: float
    needed: float
    batching: float
    ours: tuple[float, ...]
    naive: tuple[float, ...]
    captum: tuple[float, ...]
    naive_sampled: int
    max_abs_diff: float
    effects: Tensor
    setup: float
    query: Callable[[], object]

    @property
    def ratio(self) -> float:
        """How many times as long the naive loop takes."""
        pairs = zip(self.naive, self.ours, strict=True)
        return statistics.median(self.edits * naive / ours for naive, ours in pairs)

    @property
    def seconds_per_edit(self) -> float:
        """Seconds of one edit."""
        return statistics.median(self.ours) / self.edits

    @property
    def median_effect(self) -> float:
        """The median change of a logit by what changes anything; NaN if nothing does."""
        return float(self.effects[self.effects > 0].median()) if len(self.effects) else float("nan")

    def line(self) -> dict[str, object]:
        """Return the figures of the layer's line."""
        most = limit(self.forward, self.needed, self.edits)
        by_captum = statistics.median(self.captum) * self.edits if self.captum else None
        ours = statistics.median(self.ours)
        return {
            "layer": self.layer.name,
            "ratio_vs_naive": rounded(self.ratio),
            "ratio_vs_captum": None if by_captum is None else rounded(by_captum / ours),
            "limit": rounded(most),
            "share_of_limit": round(self.ratio / most, 4),
            "limit_in_batches": rounded(most * self.batching),
            "edits": self.edits,
            "edits_of": self.layer.count,
            "naive_sampled": round(self.naive_sampled / self.edits, 4),
            "max_abs_diff": self.max_abs_diff,
            "median_effect": self.median_effect,
            "seconds": round(ours, 5),
            "setup_seconds": round(self.setup, 2),
        }


class Subject:
    """A classifier with its parameters, its oracle and the arithmetic of its edits."""

    def __init__(self, classifier: Classifier, granularity: Granularity) -> None:
        self.classifier = classifier
        self.space = ParameterSpace(granularity=granularity).fit(classifier, None, rng=_rng(0))
        self.oracle = ParameterOracle().bind(classifier, self.space)
        self._needed: dict[str, float] = {}
        self._batching: dict[int, float] = {}

    @cached_property
    def arithmetic(self) -> EditArithmetic:
        """The arithmetic of the network."""
        return EditArithmetic(self.classifier.model, self.images(1, 0))

    def at(self, place: str) -> ParameterLayer:
        """Return the layer of a name, or at a place in the order in which layers run."""
        count = len(self.space.layers)
        places = {
            "first": 0,
            "a third": count // 3,
            "two thirds": 2 * count // 3,
            "before last": count - 2,
            "last": count - 1,
        }
        return self.space.layers[places[place]] if place in places else self.space.layer(place)

    def images(self, count: int, turn: int) -> Tensor:
        """Return images of noise, different ones for each turn."""
        return torch.rand(count, *self.classifier.image_shape, generator=_rng(turn))

    def needed(self, layer: ParameterLayer) -> float:
        """Return the operations that an edit of a layer needs, on average over some edits."""
        if layer.name not in self._needed:
            module = self.module(layer)
            some = _sample(layer, _COUNTED_EDITS).tolist()
            behind = [
                self.arithmetic.behind(removed(module.weight, place_of(layer, concept)))
                for concept in some
            ]
            slices = layer.destinations * layer.sources
            own = self.arithmetic.own(module, slices) if layer.granularity == "slice" else 0.0
            self._needed[layer.name] = statistics.fmean(behind) + own
        return self._needed[layer.name]

    @torch.no_grad()
    def batching(self, images: int) -> float:
        """Return how much faster an image goes through in a batch of the best size than in this."""
        if images not in self._batching:
            seconds = {}
            for size in sorted({images, *_BATCHES}):
                inputs = self.images(size, 0)
                self.classifier.model(inputs)
                _, spent = timed(lambda inputs=inputs: self.classifier.model(inputs))
                seconds[size] = spent / size
            self._batching[images] = max(1.0, seconds[images] / min(seconds.values()))
        return self._batching[images]

    def module(self, layer: ParameterLayer) -> nn.Conv2d | nn.Linear:
        """Return a layer's module."""
        module = self.classifier.model.get_submodule(layer.name)
        assert isinstance(module, nn.Conv2d | nn.Linear)
        return module

    def measure(
        self, layer: ParameterLayer, images: int, effort: Effort, *, with_captum: bool
    ) -> Measured:
        """Let the oracle, the naive loop and perhaps captum take turns on a layer."""
        setup = self._set_up(layer, images)
        concepts = _sample(layer, self._affordable(layer, images, effort))
        some = concepts[:: max(1, len(concepts) // effort.naive_most)][
            : effort.naive_most
        ].contiguous()
        places = torch.searchsorted(concepts, some)
        ours, naive, captum, difference, effects = [], [], [], 0.0, []
        for turn in range(1, effort.rounds + 1):
            inputs = self.images(images, turn)
            answers, seconds = timed(lambda inputs=inputs: self._ask(inputs, concepts))
            ours.append(seconds)
            expected, seconds = self.naive(inputs, layer, some)
            naive.append(seconds / len(some))
            if with_captum and turn == 1:
                captum.append(self.captum(inputs, layer))
            difference = max(difference, float((answers[places] - expected).abs().max()))
            effects.append((expected - self.classifier.logits(inputs)).abs().flatten())
        again = self.images(images, effort.rounds + 1)
        return Measured(
            layer, len(concepts), self.arithmetic.forward, self.needed(layer),
            self.batching(images), tuple(ours), tuple(naive), tuple(captum), len(some), difference,
            torch.cat(effects), setup, lambda: self._ask(again, concepts),
        )  # fmt: skip

    @torch.no_grad()
    def naive(
        self, inputs: Tensor, layer: ParameterLayer, concepts: Tensor
    ) -> tuple[Tensor, float]:
        """Zero, forward, restore, one concept after the other; return logits and seconds."""
        model, weight = self.classifier.model, self.module(layer).weight

        def loop() -> Tensor:
            answers = []
            for concept in concepts.tolist():
                where = place_of(layer, concept)
                before = weight[where].clone()
                weight[where] = 0
                answers.append(model(inputs))
                weight[where] = before
            return torch.stack(answers)

        return timed(loop)

    def captum(self, inputs: Tensor, layer: ParameterLayer) -> float:
        """Return captum's seconds for one of a few filters."""
        module = self.module(layer)
        ablation = LayerFeatureAblation(self.classifier.model, module)
        mask = _first_filters(self._output_of(module, inputs[:1]), module)
        groups = int(mask.max()) + 1
        _, seconds = timed(
            lambda: ablation.attribute(
                inputs, target=0, layer_mask=mask, perturbations_per_eval=groups
            )
        )
        return seconds / groups

    def _output_of(self, module: nn.Module, inputs: Tensor) -> Tensor:
        found: list[Tensor] = []
        handle = module.register_forward_hook(lambda _module, _args, output: found.append(output))
        self.classifier.logits(inputs)
        handle.remove()
        return found[0]

    def _ask(self, inputs: Tensor, concepts: Tensor) -> Tensor:
        units = self.space.encode(inputs)
        return self.oracle.query(units, Intervention.ablate(concepts)).answer("logits")

    def _set_up(self, layer: ParameterLayer, images: int) -> float:
        """Let the oracle find out how to answer; return the seconds of it."""
        concepts = _sample(layer, 1)
        _, first = timed(lambda: self._ask(self.images(images, 0), concepts))
        _, second = timed(lambda: self._ask(self.images(images, 0), concepts))
        return max(0.0, first - second)

    def _affordable(self, layer: ParameterLayer, images: int, effort: Effort) -> int:
        """Return how many edits take about the wanted time."""
        most = min(layer.count, effort.most)
        edits = min(most, effort.least)
        while True:
            inputs = self.images(images, 0)
            concepts = _sample(layer, edits)
            _, seconds = timed(lambda inputs=inputs, some=concepts: self._ask(inputs, some))
            if edits == most or seconds > effort.seconds / 2:
                return edits
            growth = effort.seconds / max(seconds, effort.seconds / _GROWTH)
            edits = min(most, max(edits + 1, int(edits * growth)))


def place_of(layer: ParameterLayer, concept: int) -> tuple[int, ...]:
    """Return where a concept is in its layer's weight."""
    index = torch.tensor(concept)
    destination = int(layer.destination_of(index))
    if layer.granularity == "slice":
        return destination, int(layer.source_of(index))
    return (destination,)


def rounded(value: float) -> float:
    """Round to three digits."""
    return float(f"{value:.3g}")


def _first_filters(output: Tensor, module: nn.Module) -> Tensor:
    """Return captum's mask of a few filters one by one, and of all others together."""
    axis = 1 if isinstance(module, nn.Conv2d) else output.dim() - 1
    channels = torch.arange(output.shape[axis]).clamp(max=CAPTUM_FILTERS - 1)
    shape = [1] * output.dim()
    shape[axis] = -1
    return channels.view(shape)


def _some_of(concepts: Tensor, most: int) -> Tensor:
    return concepts[:: max(1, len(concepts) // most)][:most].contiguous()


def _sample(layer: ParameterLayer, count: int) -> Tensor:
    some = torch.randperm(layer.count, generator=_rng(0))[:count]
    return layer.first + some.sort().values


def _rng(seed: int) -> torch.Generator:
    return torch.Generator(torch.get_default_device()).manual_seed(seed)
