"""The structure of a spec, independent of the plugins that it names."""

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

from causalxai.config.limits import NAME
from causalxai.config.live import Live
from causalxai.config.messages import said
from causalxai.errors import did_you_mean
from causalxai.memory import DEFAULT_LIMIT
from causalxai.plugin.provenance import Group

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
"""What a spec writes for a stage that the run should not have."""

SANITY = "sanity"
"""The name of a key of the spec, and of the metric that it adds."""

METHOD_STAGES = (Stage.CONCEPTS, Stage.ORACLE, Stage.GRAPH, Stage.EXPLAIN)
"""The stages that a method preset fills. A run may lack any of them."""

_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"
_DEVICE = r"^(auto|cpu|cuda(:[0-9]{1,2})?|mps)$"

_LONGEST_CHOICE = 200
# 64 bits hold it with its sign.
_LARGEST = 2**63 - 1

_VALUES: JsonValue = {"type": "array", "items": {"type": ["string", "number", "boolean"]}}
_LABELS: JsonValue = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
_VARY: list[JsonValue] = [
    {"type": "object", "additionalProperties": {"anyOf": [_VALUES, _LABELS]}},
    {"type": "null"},
]


def long_form(choice: Any) -> Any:
    """Return ``{use: name}`` for a plugin's name, and anything else unchanged."""
    return {"use": choice} if isinstance(choice, str) else choice


def _as_text(name: Any) -> Any:
    is_number = isinstance(name, int) and not isinstance(name, bool)
    return str(name) if is_number else name


ClassName = Annotated[
    str, BeforeValidator(_as_text), Field(json_schema_extra={"type": ["string", "integer"]})
]


class PluginChoice(BaseModel):
    """The name of a plugin, alone or under ``use`` together with the plugin's settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str | None = Field(default=None, max_length=_LONGEST_CHOICE)

    @model_validator(mode="before")
    @classmethod
    def _check_form(cls, choice: Any) -> Any:
        if isinstance(choice, Live):
            # What it is, the resolver finds out.
            return {}
        choice = long_form(choice)
        if not isinstance(choice, Mapping):
            raise ValueError(f"should be a plugin's name or a mapping, not {said(choice)}")
        return choice


class ImageSelection(BaseModel):
    """The images that are explained, and the class for which they are explained."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _pass_live(cls, selection: Any) -> Any:
        return {} if isinstance(selection, Live) else selection

    split: Literal["train", "test"] = "test"
    """The split that the images are taken from."""
    classes: tuple[ClassName, ...] | None = Field(default=None, min_length=1)
    """The classes whose images are explained; null for all."""
    count: int = Field(default=8, ge=1, le=1_000_000, strict=True)
    """The number of images, spread evenly over the classes."""
    only: Literal["correct", "errors", "any"] = "correct"
    """Images that are classified correctly, images that are not, or both."""
    target: Annotated[int, Field(ge=0, strict=True)] | str = "predicted"
    """The class that is explained: predicted for the one that the network predicts, label for the
    image's label, or a class by its name or its index, counted from 0, for all images."""


class Spec(BaseModel):
    """A spec whose structure is checked, but not its plugins and their settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    causalxai: Literal[1]
    """The version of this format."""
    name: str = Field(json_schema_extra={"pattern": _NAME, "maxLength": NAME})
    """The run's name: letters, digits, '-', '_' and '.'."""
    seed: int = Field(default=0, ge=0, le=_LARGEST, strict=True)
    """The seed of all random numbers."""
    device: str = Field(default="auto", json_schema_extra={"pattern": _DEVICE})
    """The device of the classifier: auto, cpu, cuda, cuda:N or mps."""
    dataset: PluginChoice
    """The data set."""
    classifier: PluginChoice
    """The classifier that is explained."""
    method: str | None = Field(default=None, max_length=_LONGEST_CHOICE)
    """A preset for the four stages below and for the metrics."""
    concepts: PluginChoice | None = None
    """The concept space; none to leave out the method's."""
    oracle: PluginChoice | None = None
    """The oracle that answers interventions on the concepts; none to leave out the method's."""
    graph: PluginChoice | None = None
    """The discoverer of the causal graph; none to leave out the method's."""
    explain: PluginChoice | None = None
    """The explainer of the images; none to leave out the method's."""
    images: ImageSelection = ImageSelection()
    """The images that are explained."""
    metrics: tuple[PluginChoice, ...] | None = None
    """The metrics that score the run; those of the method by default."""
    budget: int | None = Field(default=None, ge=1, le=_LARGEST, strict=True)
    """The most answers that the explanations may take from the oracle, for comparisons at equal
    cost."""
    memory_mb: int = Field(default=DEFAULT_LIMIT // 2**20, ge=1, le=2**30, strict=True)
    """The most memory that a stage may take, in MiB, beside what the program and the network
    themselves take: images, activations and answers are processed in batches that fit."""
    sanity: bool = Field(default=False, strict=True)
    """Whether to check that explanations change when the classifier's weights are randomised; adds
    the metric sanity, except to controls."""
    vary: dict[str, Any] | None = Field(default=None, json_schema_extra={"anyOf": _VARY})
    """The axes of a comparison: for each, the values of a key, or labels with their overrides."""

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
        if len(name) > NAME:
            raise ValueError(f"should have at most {NAME} characters, not {len(name)}")
        if not re.fullmatch(_NAME, name):
            raise ValueError(
                f"should be letters, digits, '-', '_' and '.' (not at the start), not {said(name)}"
            )
        return name

    @field_validator("device")
    @classmethod
    def _check_device(cls, device: str) -> str:
        if not re.fullmatch(_DEVICE, device):
            meant = "cuda" if device == "gpu" else device
            near = did_you_mean(meant, ("auto", "cpu", "cuda", "mps"))
            raise ValueError(f"should be auto, cpu, cuda, cuda:N or mps, not {said(device)}{near}")
        return device
