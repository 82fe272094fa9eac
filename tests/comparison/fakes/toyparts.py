"""The toy world as plugins that a spec can name, and some that go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.context import Context
from causalxai.dataset import Dataset, DatasetSource
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation
from causalxai.method import Method
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.record import Json, Record
from causalxai.testing.toys import ToyOracle, ToySpace, measured_effects, toy_world


class ToyData(DatasetSource):
    class Config(PluginConfig):
        world: int = 0

    config: Config

    def load(self, **_: Any) -> Dataset:
        return toy_world(self.config.world).dataset


class ToyClassifier(ClassifierSource):
    """Notes each time that it is trained, and on how many threads, in a file."""

    class Config(PluginConfig):
        world: int = 0
        noted_in: Path | None = None

    config: Config

    def portable_config(self) -> dict[str, object]:
        return self.config.model_dump(mode="json", exclude={"noted_in"})

    def fit(self, *_: Any, **__: Any) -> Classifier:
        if self.config.noted_in is not None:
            with self.config.noted_in.open("a") as file:
                file.write(f"world {self.config.world}, {torch.get_num_threads()} thread\n")
        return toy_world(self.config.world).classifier

    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        classifier = toy_world(self.config.world).classifier
        classifier.model.load_state_dict(dict(record.tensors))
        return classifier


class MeasuredSpace(ToySpace):
    """Tells of its fit."""

    def summary(self) -> dict[str, Json]:
        return {"error": 0.25, "R²": {"left": 0.5, "right": 1.0}, "clean": True, "of": "patches"}


class WorldOracle(Oracle):
    """``ToyOracle`` with the weights of a world, which a spec does not have to write."""

    capabilities = ToyOracle.capabilities

    class Config(PluginConfig):
        world: int = 0

    config: Config

    def bind(self, *parts: Any, **options: Any) -> WorldOracle:
        super().bind(*parts, **options)
        weights = toy_world(self.config.world).scm.weights.tolist()
        self._oracle = ToyOracle(weights=tuple(map(tuple, weights))).bind(*parts, **options)
        return self

    def _respond(self, *question: Any) -> Any:
        return self._oracle._respond(*question)


class RandomExplainer(Explainer):
    def _explain(self, inputs: Tensor, target: Tensor, context: Context) -> Explanation:
        assert context.space is not None
        names = context.space.names()
        claim = torch.rand(len(inputs), len(names), generator=context.rng)
        return Explanation(inputs=inputs, target=target, concepts=names, importance=claim)


class RefusingExplainer(RandomExplainer):
    def _explain(self, *_: Any) -> Explanation:
        raise CapabilityError("no explanation today")


class BrokenExplainer(RandomExplainer):
    def _explain(self, *_: Any) -> Explanation:
        raise ZeroDivisionError("by 0")


class Distance(Metric):
    """How far the claimed importance lies from the measured one; has a control and a part."""

    name = "distance"
    higher_is_better = False
    value_range = (0.0, None)
    reference = "nowhere"
    requires = frozenset({"oracle"})

    def _compute(self, explanation: Explanation, context: Context) -> MetricResult:
        assert context.oracle is not None
        assert explanation.importance is not None
        truth = measured_effects(context.oracle, explanation.inputs, explanation.target)

        def score(claim: Tensor) -> Estimate:
            return Estimate(float((claim.cpu() - truth).abs().mean()))

        return MetricResult(
            self.name,
            estimate=score(explanation.importance),
            controls={"zero": score(torch.zeros_like(truth))},
            parts={"first image": score(explanation.importance[:1])},
        )


class Undefined(Distance):
    name = "undefined"

    def _compute(self, *_: Any) -> MetricResult:
        raise MetricUndefinedError("nothing to measure")


METHOD = Method(
    concepts={"use": "toy"},
    oracle={"use": "toy"},
    graph={"use": "toy"},
    explain={"use": "toy"},
    metrics=("best-concept", "distance"),
)
