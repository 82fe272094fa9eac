"""A distribution of plugins that have settings of every kind and do nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, computed_field, field_validator

from causalxai.classifier import ClassifierSource
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import DatasetSource
from causalxai.explainer import Explainer
from causalxai.graph_discoverer import DiscovererConfig, GraphDiscoverer
from causalxai.metric import Metric
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.plugin.method import Method


class Digits(DatasetSource):
    def load(self, **_: Any) -> Any:
        raise NotImplementedError


class Folder(DatasetSource):
    class Config(PluginConfig):
        path: Path
        cache: Path = Path("cache")
        size: tuple[int, int] = (28, 28)
        label: str = ""

    def load(self, **_: Any) -> Any:
        raise NotImplementedError


class Schedule(PluginConfig):
    kind: Literal["cosine", "step"] = "cosine"
    warmup: int = Field(default=0, ge=0)


class Plateau(PluginConfig):
    patience: int = 3


class LeNet(ClassifierSource):
    class Config(PluginConfig):
        epochs: int = Field(default=5, ge=1)
        rate: float = Field(default=1e-3, gt=0)
        augment: bool = False
        schedule: Schedule = Schedule()
        phases: tuple[Schedule, ...] = ()

        @computed_field  # type: ignore[prop-decorator]
        @property
        def total(self) -> int:
            return self.epochs * len(self.phases)

    def fit(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def restore(self, *_: Any) -> Any:
        raise NotImplementedError


class Parameters(ConceptSpace):
    class Config(PluginConfig):
        granularity: Literal["slice", "unit", "weight"] = "slice"
        weights: dict[str, float] = Field(default={})
        layer_names: tuple[str, ...] = Field(default=("conv1",), min_length=1, alias="layers")

    concepts = ()

    def fit(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def encode(self, images: Any) -> Any:
        raise NotImplementedError

    def to_record(self) -> Any:
        raise NotImplementedError

    def restore(self, *_: Any) -> Any:
        raise NotImplementedError


class Pixels(Parameters):
    class Config(PluginConfig):
        """Settings that share no name with those of ``Parameters``."""

        patch: int = 4


class ParameterOracle(Oracle):
    def _respond(self, *_: Any) -> Any:
        raise NotImplementedError


class Fixed(PluginConfig):
    rule: Literal["fixed"]
    value: float


class Share(PluginConfig):
    rule: Literal["share"]
    share: float = Field(default=0.1, le=1)


class Discoverer(GraphDiscoverer):
    class Config(DiscovererConfig):
        threshold: float | Literal["relative", "absolute"] = 1.0
        pruning: Annotated[Fixed | Share, Field(discriminator="rule")] = Share(rule="share")
        stop: Schedule | Plateau | None = None

    def _discover(self, inputs: Any) -> Any:
        raise NotImplementedError


class RudeDiscoverer(Discoverer):
    class Config(DiscovererConfig):
        depth: int = 1

        @field_validator("depth")
        @classmethod
        def _check(cls, depth: int) -> int:
            if depth > 9:
                raise ValueError("no graph is that deep")
            return depth // (depth - 1)


class Effects(Explainer):
    def _explain(self, *_: Any) -> Any:
        raise NotImplementedError


class Deletion(Metric):
    name = "deletion"
    higher_is_better = False
    value_range = (0.0, 1.0)
    reference = "nowhere"

    class Config(PluginConfig):
        steps: int = Field(default=10, ge=1)

    def _compute(self, *_: Any) -> Any:
        raise NotImplementedError


class Insertion(Deletion):
    name = "insertion"


METHOD = Method(
    concepts={"use": "parameters", "granularity": "unit", "weights": {"conv1": 0.5}},
    oracle={"use": "parameters"},
    graph={"use": "interventional", "threshold": "relative"},
    explain={"use": "interventional"},
    metrics=("deletion", {"use": "insertion", "steps": 20}),
)

BROKEN_METHOD = Method(
    concepts={"use": "parameters"},
    oracle={"use": "parmeters"},
    graph={"use": "interventional", "treshold": 2},
    explain={"use": "interventional"},
    metrics=({"use": "deletion", "steps": 0},),
)
