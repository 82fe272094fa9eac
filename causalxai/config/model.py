"""The structure of a spec, whatever plugins it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)

from causalxai.config.messages import said
from causalxai.errors import did_you_mean
from causalxai.plugin.registry import Group

FORMAT_VERSION: Literal[1] = 1


class Stage(StrEnum):
    """A stage of a run, in the order in which they are computed; its value is its key in a spec."""

    DATASET = "dataset"
    CLASSIFIER = "classifier"
    CONCEPTS = "concepts"
    ORACLE = "oracle"
    GRAPH = "graph"
    EXPLAIN = "explain"


STAGES: Mapping[Stage, Group] = {
    Stage.DATASET: "datasets",
    Stage.CLASSIFIER: "classifiers",
    Stage.CONCEPTS: "concept_spaces",
    Stage.ORACLE: "oracles",
    Stage.GRAPH: "graph_discoverers",
    Stage.EXPLAIN: "explainers",
}
"""The group whose plugins a stage may use."""

NO_STAGE = "none"
"""What a spec says for a stage that a run is to do without."""

SANITY = "sanity"
"""The metric that the key of this name adds."""

METHOD_STAGES = (Stage.CONCEPTS, Stage.ORACLE, Stage.GRAPH, Stage.EXPLAIN)
"""The stages that a method preset fills, and that a run may do without."""

_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
_DEVICE = r"^(auto|cpu|cuda(:[0-9]+)?|mps)$"

_VALUES: JsonValue = {"type": "array", "items": {"type": ["string", "number", "boolean"]}}
_LABELS: JsonValue = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
_VARY: list[JsonValue] = [
    {"type": "object", "additionalProperties": {"anyOf": [_VALUES, _LABELS]}},
    {"type": "null"},
]


def long_form(choice: Any) -> Any:
    """Write out a plugin's name as ``{use: name}``; leave anything else as it is."""
    return {"use": choice} if isinstance(choice, str) else choice


def _as_text(name: Any) -> Any:
    is_number = isinstance(name, int) and not isinstance(name, bool)
    return str(name) if is_number else name


ClassName = Annotated[
    str, BeforeValidator(_as_text), Field(json_schema_extra={"type": ["string", "integer"]})
]


class PluginChoice(BaseModel):
    """A plugin's name under ``use``, or alone; beside it what the plugin's ``Config`` takes."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _check_form(cls, choice: Any) -> Any:
        choice = long_form(choice)
        if not isinstance(choice, Mapping):
            raise ValueError(f"should be a plugin's name or a mapping, not {said(choice)}")
        return choice


class ImageSelection(BaseModel):
    """Which images are explained, and for which class."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    split: Literal["train", "test"] = "test"
    """Where the images come from."""
    classes: tuple[ClassName, ...] | None = Field(default=None, min_length=1)
    """The classes whose images are explained; null for all."""
    count: int = Field(default=8, ge=1, strict=True)
    """How many images, spread evenly over the classes."""
    only: Literal["correct", "errors", "any"] = "correct"
    """Images that the classifier gets right, images that it gets wrong, or both."""
    target: Literal["predicted", "label"] = "predicted"
    """The class that is explained: the one that the classifier says, or the right one."""


class Spec(BaseModel):
    """What is explained, on which data and how; its plugins are not looked at yet."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    causalxai: Literal[1]
    """The version of this format."""
    name: str = Field(json_schema_extra={"pattern": _NAME})
    """The run's name: letters, digits, '-', '_' and '.'."""
    seed: int = Field(default=0, ge=0, strict=True)
    """What all random numbers derive from."""
    device: str = Field(default="auto", json_schema_extra={"pattern": _DEVICE})
    """Where the classifier runs: auto, cpu, cuda, cuda:N or mps."""
    dataset: PluginChoice
    """Where the images come from."""
    classifier: PluginChoice
    """What is explained."""
    method: str | None = None
    """A preset for the four stages below and for the metrics."""
    concepts: PluginChoice | None = None
    """The variables that the explanation speaks of; none to do without what the method has."""
    oracle: PluginChoice | None = None
    """What answers interventions on the concepts; none to do without what the method has."""
    graph: PluginChoice | None = None
    """How the causal graph is found; none to do without what the method has."""
    explain: PluginChoice | None = None
    """How images are explained; none to do without what the method has."""
    images: ImageSelection = ImageSelection()
    """Which images are explained."""
    metrics: tuple[PluginChoice, ...] | None = None
    """What explanations are scored by; the method's metrics unless given."""
    budget: int | None = Field(default=None, ge=1, strict=True)
    """How many answers of the oracle the explanations may take: methods compare at equal cost."""
    memory_mb: int = Field(default=512, ge=1, strict=True)
    """The ceiling for one chunk of oracle queries, in MiB."""
    sanity: bool = Field(default=False, strict=True)
    """Whether explanations are also asked for when the classifier's weights are shuffled: adds the
    metric sanity, but not to controls."""
    vary: dict[str, Any] | None = Field(default=None, json_schema_extra={"anyOf": _VARY})
    """A grid of runs to compare: by axis, the values of a key, or what each label overrides."""

    @field_validator("causalxai", mode="before")
    @classmethod
    def _check_version(cls, version: Any) -> Any:
        if type(version) is not int or version != FORMAT_VERSION:
            raise ValueError(
                f"should be {FORMAT_VERSION}, the format that this version reads, "
                f"not {said(version)}"
            )
        return version

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not re.fullmatch(_NAME, name):
            raise ValueError(
                f"should be letters, digits, '-', '_' and '.' (not at the start), not {name!r}"
            )
        return name

    @field_validator("device")
    @classmethod
    def _check_device(cls, device: str) -> str:
        if not re.fullmatch(_DEVICE, device):
            meant = "cuda" if device == "gpu" else device
            near = did_you_mean(meant, ("auto", "cpu", "cuda", "mps"))
            raise ValueError(f"should be auto, cpu, cuda, cuda:N or mps, not {device!r}{near}")
        return device
