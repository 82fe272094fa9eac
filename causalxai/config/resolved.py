"""Resolved specs: the plugins are found and their settings are checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from causalxai.config.document import Document
from causalxai.config.live import Live
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.model import (
    FORMAT_VERSION,
    METHOD_STAGES,
    NO_STAGE,
    ImageSelection,
    Stage,
)
from causalxai.config.resolved_plugin import LIVE, ResolvedPlugin
from causalxai.errors import Problem

if TYPE_CHECKING:
    from causalxai.classifier import ClassifierSource
    from causalxai.concept_space import ConceptSpace
    from causalxai.dataset import DatasetSource
    from causalxai.explainer import Explainer
    from causalxai.graph_discoverer import GraphDiscoverer
    from causalxai.live.images import GivenImages
    from causalxai.metric import Metric
    from causalxai.oracle import Oracle


@dataclass(frozen=True, kw_only=True)
class ResolvedSpec:
    """A valid spec with all defaults and the method's settings filled in.

    Parameters
    ----------
    name, seed, device, memory_mb, budget, images
        As in the spec, or the defaults.
    dataset, classifier
        The plugins of the stages that every run has.
    concepts, oracle, graph, explain
        The plugins of the other stages, including the method's settings; ``None`` for a stage
        that the run does not have.
    metrics
        The plugins that score explanations.
    method
        The preset that the spec names. Its settings are already part of the stages.
    places
        Where its values were written, by their paths.
    """

    name: str
    seed: int
    device: str
    memory_mb: int
    images: ImageSelection | GivenImages
    dataset: ResolvedPlugin[DatasetSource]
    classifier: ResolvedPlugin[ClassifierSource]
    concepts: ResolvedPlugin[ConceptSpace] | None = None
    oracle: ResolvedPlugin[Oracle] | None = None
    graph: ResolvedPlugin[GraphDiscoverer] | None = None
    explain: ResolvedPlugin[Explainer] | None = None
    metrics: tuple[ResolvedPlugin[Metric], ...] = ()
    method: str | None = None
    budget: int | None = None
    places: Mapping[KeyPath, Place] = field(default_factory=dict, repr=False, compare=False)

    def place(self, path: KeyPath) -> Place:
        """Return where a value of the spec was written; for a default, where its mapping was."""
        return self._document.place(path)

    def problems(self, mistakes: Iterable[Mistake]) -> list[Problem]:
        """Return mistakes in values of the spec as problems for the user, with their places."""
        return self._document.problems(mistakes)

    @property
    def memory(self) -> int:
        """The most bytes that a stage may take."""
        return self.memory_mb * 2**20

    @property
    def _document(self) -> Document:
        return Document({}, {(): Place("spec"), **self.places})

    @property
    def stages(self) -> dict[Stage, ResolvedPlugin[Any]]:
        """The plugins of the stages that the run has, in order."""
        plugins: dict[Stage, ResolvedPlugin[Any] | None] = {
            Stage.DATASET: self.dataset,
            Stage.CLASSIFIER: self.classifier,
            Stage.CONCEPTS: self.concepts,
            Stage.ORACLE: self.oracle,
            Stage.GRAPH: self.graph,
            Stage.EXPLAIN: self.explain,
        }
        return {stage: plugin for stage, plugin in plugins.items() if plugin is not None}

    @property
    def parts(self) -> dict[KeyPath, ResolvedPlugin[Any]]:
        """The plugins of the stages and the metrics, by their places in the spec."""
        found: dict[KeyPath, ResolvedPlugin[Any]] = {
            (str(stage),): part for stage, part in self.stages.items()
        }
        found.update((("metrics", index), part) for index, part in enumerate(self.metrics))
        return found

    def to_yaml(self) -> str:
        """Return an equivalent spec in YAML, with all defaults written out."""
        stages = {
            str(stage): plugin.to_data() if plugin else NO_STAGE
            for stage, plugin in ((stage, self.stages.get(stage)) for stage in METHOD_STAGES)
        }
        data: dict[str, Any] = {
            "causalxai": FORMAT_VERSION,
            "name": self.name,
            "seed": self.seed,
            "device": self.device,
            "dataset": self.dataset.to_data(),
            "classifier": self.classifier.to_data(),
            "method": self.method,
            **stages,
            "images": self.images_data,
            "metrics": [metric.to_data() for metric in self.metrics],
            "memory_mb": self.memory_mb,
            "budget": self.budget,
        }
        return _comment(self.live) + as_yaml(data)

    @property
    def images_data(self) -> dict[str, Any]:
        """The images as a spec writes them, or what is known of those that were given in Python."""
        if isinstance(self.images, ImageSelection):
            return self.images.model_dump(mode="json")
        return {"use": LIVE, **self.images.to_data()}

    @property
    def live(self) -> tuple[str, ...]:
        """The keys of the spec whose values were given as objects that no file can describe."""
        parts = {str(path[0]): part for path, part in self.parts.items() if part.is_live}
        given = () if isinstance(self.images, ImageSelection) else ("images",)
        return (*parts, *given)


def _comment(live: Sequence[str]) -> str:
    """Return what a written spec says at its head of the parts that it cannot hold."""
    if not live:
        return ""
    return (
        f"# {', '.join(live)}: given in Python as objects, which no file can hold (use: live).\n"
        "# To open the run again, give them to causalxai.load together with the run's folder.\n"
    )


def as_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML, with keys in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.representer.sort_base_mapping_type_on_output = False
    yaml.representer.add_multi_representer(PurePath, lambda to, path: to.represent_str(str(path)))
    yaml.representer.add_representer(Live, lambda to, live: to.represent_dict(live.to_data()))
    stream = StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()
