"""Plugins, found through entry points and imported only when they are used."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

import entrypoints

from causalxai.errors import PluginError, did_you_mean
from causalxai.plugin import Plugin
from causalxai.plugin.method import Method

Group = Literal[
    "datasets",
    "classifiers",
    "concept_spaces",
    "oracles",
    "graph_discoverers",
    "explainers",
    "metrics",
    "methods",
]

# What a plugin of each group must be; named, not imported, so that listing needs no torch.
_BASES: dict[Group, str] = {
    "datasets": "causalxai.dataset:DatasetSource",
    "classifiers": "causalxai.classifier:ClassifierSource",
    "concept_spaces": "causalxai.concept_space:ConceptSpace",
    "oracles": "causalxai.oracle:Oracle",
    "graph_discoverers": "causalxai.graph_discoverer:GraphDiscoverer",
    "explainers": "causalxai.explainer:Explainer",
    "metrics": "causalxai.metric:Metric",
    "methods": "causalxai.plugin.method:Method",
}
GROUPS: tuple[Group, ...] = tuple(_BASES)


@dataclass(frozen=True)
class Provenance:
    """Where a plugin comes from."""

    group: Group
    name: str
    distribution: str
    version: str
    target: str
    """Module and object, ``module:object``."""

    def __str__(self) -> str:
        return f"{self.name!r} ({self.group}) of {self.distribution} {self.version}"


@dataclass(frozen=True)
class Listing:
    """A line of ``causalxai plugins``: ``error`` is empty for a plugin that can be used."""

    provenance: Provenance
    error: str = ""


@cache
def found(group: Group) -> tuple[Provenance, ...]:
    """Return all plugins of a group, by name; nothing is imported.

    Raises
    ------
    PluginError
        If an installed distribution's entry points cannot be read.
    """
    try:
        entries = entrypoints.get_group_all(f"causalxai.{group}")
    except configparser.Error as error:
        raise PluginError(f"an installed distribution is damaged: {error}") from error
    plugins = {
        Provenance(
            group,
            entry.name,
            entry.distro.name if entry.distro else "unknown distribution",
            entry.distro.version if entry.distro else "unknown version",
            f"{entry.module_name}:{entry.object_name}",
        )
        for entry in entries
    }
    return tuple(sorted(plugins, key=lambda plugin: (plugin.name, plugin.distribution)))


def names(group: Group) -> tuple[str, ...]:
    """Return the names that a spec may use for a group."""
    return tuple(dict.fromkeys(plugin.name for plugin in found(group)))


def provenance(group: Group, name: str) -> Provenance:
    """Return where the plugin of that name comes from.

    Raises
    ------
    PluginError
        If there is none (with the nearest known name), or two distributions claim the name.
    """
    claims = [plugin for plugin in found(group) if plugin.name == name]
    if not claims:
        known = names(group)
        listed = ", ".join(known) or "none is installed"
        raise PluginError(
            f"there is no {_singular(group)} {name!r}{did_you_mean(name, known)} (known: {listed})"
        )
    if len(claims) > 1:
        both = " and ".join(f"{claim.distribution} {claim.version}" for claim in claims)
        raise PluginError(f"the {_singular(group)} {name!r} is claimed by {both}; uninstall one")
    return claims[0]


def load(group: Group, name: str) -> type[Plugin]:
    """Import a plugin and check that it is what its group promises.

    Raises
    ------
    PluginError
        If it is missing, ambiguous, cannot be imported or is no plugin of the group.
    """
    if group == "methods":
        raise PluginError("methods are presets, not plugins; use load_method")
    plugin = _load(provenance(group, name))
    assert isinstance(plugin, type)
    return plugin


def load_method(name: str) -> Method:
    """Import a method preset; raises PluginError as ``load`` does."""
    method = _load(provenance("methods", name))
    assert isinstance(method, Method)
    return method


def listings(groups: Sequence[Group] = GROUPS) -> tuple[Listing, ...]:
    """Try every plugin; the broken ones are listed with their error, never hidden."""
    lines = []
    for group in groups:
        for plugin in found(group):
            try:
                provenance(group, plugin.name)
                _load(plugin)
            except PluginError as error:
                lines.append(Listing(plugin, str(error)))
            else:
                lines.append(Listing(plugin))
    return tuple(lines)


def _load(plugin: Provenance) -> Any:
    try:
        loaded = _resolve(plugin.target)
    except (Exception, SystemExit) as error:
        # Importing runs a stranger's code, which may raise anything.
        raise PluginError(f"{plugin} cannot be loaded: {type(error).__name__}: {error}") from error
    base = _resolve(_BASES[plugin.group])
    fits = isinstance(loaded, base) if base is Method else _is_subclass(loaded, base)
    if not fits:
        raise PluginError(f"{plugin}: {plugin.target} is no {base.__module__}.{base.__qualname__}")
    abstract = sorted(getattr(loaded, "__abstractmethods__", ()))
    if abstract:
        raise PluginError(f"{plugin}: {plugin.target} does not define {', '.join(abstract)}")
    return loaded


def _resolve(target: str) -> Any:
    module_name, _, object_name = target.partition(":")
    found_object: Any = import_module(module_name)
    for part in object_name.split("."):
        found_object = getattr(found_object, part)
    return found_object


def _is_subclass(candidate: Any, base: type) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, base)


def _singular(group: Group) -> str:
    return group.removesuffix("s").replace("_", " ")
