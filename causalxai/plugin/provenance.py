"""Provenance: the origin of a plugin, which messages and stored results name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Group = Literal[
    "datasets",
    "classifiers",
    "concept_spaces",
    "oracles",
    "graph_discoverers",
    "explainers",
    "metrics",
    "methods",
    "concept_reports",
    "graph_reports",
    "explanation_reports",
]


@dataclass(frozen=True)
class Provenance:
    """The origin of a plugin: its distribution, version and place in the code."""

    group: Group
    name: str
    distribution: str
    version: str
    """That of the package which holds the plugin, where it states one, else the distribution's."""
    target: str
    """The module and the object, written ``module:object``."""

    @property
    def package(self) -> str:
        """The name of the package, or of the single module, that holds the plugin."""
        return self.target.partition(":")[0].partition(".")[0]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.group}) of {self.distribution} {self.version}"


@dataclass(frozen=True)
class BuiltByHand:
    """The origin of a part that no spec has named: its class."""

    target: str
    """The module and the class, written ``module.Class``."""

    @property
    def package(self) -> str:
        """The name of the package, or of the single module, that holds the class."""
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return self.target


Origin: TypeAlias = Provenance | BuiltByHand
