"""The registry: finds plugins through entry points and imports them only when they are used."""

from __future__ import annotations

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import entrypoints

from causalxai.errors import PluginError, did_you_mean
from causalxai.plugin import Plugin
from causalxai.plugin.guard import in_words
from causalxai.plugin.method import Method
from causalxai.plugin.provenance import Group, Provenance
from causalxai.plugin.requirements import require_requirements
from causalxai.plugin.versions import stated_version

if TYPE_CHECKING:
    from causalxai.report.builder import (
        ConceptReportBuilder,
        ExplanationReportBuilder,
        GraphReportBuilder,
    )

ReportedGroup: TypeAlias = Literal["concept_spaces", "graph_discoverers", "explainers"]

# The base class of each group's plugins; by name, so that listing plugins does not import torch.
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
# The groups in which the report builders of plugins are registered, under the plugins' names.
_REPORTS: dict[ReportedGroup, Group] = {
    "concept_spaces": "concept_reports",
    "graph_discoverers": "graph_reports",
    "explainers": "explanation_reports",
}
_REPORTED: dict[Group, ReportedGroup] = {reports: group for group, reports in _REPORTS.items()}
GROUPS: tuple[Group, ...] = (*_BASES, *_REPORTED)


@dataclass(frozen=True)
class Listing:
    """A line of ``causalxai plugins``; ``error`` is empty for a plugin that can be used."""

    provenance: Provenance
    error: str = ""


@cache
def found(group: Group) -> tuple[Provenance, ...]:
    """Return all plugins of a group, sorted by name, without importing them.

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
            stated_version(entry.module_name)
            or (entry.distro.version if entry.distro else "unknown version"),
            f"{entry.module_name}:{entry.object_name}",
        )
        for entry in entries
    }
    return tuple(sorted(plugins, key=lambda plugin: (plugin.name, plugin.distribution)))


def names(group: Group) -> tuple[str, ...]:
    """Return the names of a group's plugins, as a spec may use them."""
    return tuple(dict.fromkeys(plugin.name for plugin in found(group)))


def provenance(group: Group, name: str) -> Provenance:
    """Return the origin of the plugin with a name.

    Raises
    ------
    PluginError
        If there is none (with the closest known name), or two distributions claim the name.
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
    """Import a plugin and check that it is of the class that its group requires.

    Raises
    ------
    PluginError
        If it is missing, ambiguous, cannot be imported or is not of the group's class.
    """
    if group == "methods":
        raise PluginError("methods are presets, not plugins; use load_method")
    if group in _REPORTED:
        raise PluginError("report builders are functions, not plugins; use load_report_builder")
    plugin = _load(provenance(group, name))
    assert isinstance(plugin, type)
    return plugin


def load_method(name: str) -> Method:
    """Import a method preset; raises PluginError as ``load`` does."""
    method = _load(provenance("methods", name))
    assert isinstance(method, Method)
    return method


@overload
def load_report_builder(
    group: Literal["concept_spaces"], name: str
) -> ConceptReportBuilder[Any] | None: ...
@overload
def load_report_builder(
    group: Literal["graph_discoverers"], name: str
) -> GraphReportBuilder[Any] | None: ...
@overload
def load_report_builder(
    group: Literal["explainers"], name: str
) -> ExplanationReportBuilder[Any] | None: ...
def load_report_builder(group: ReportedGroup, name: str) -> Any:
    """Import the function that builds a plugin's sections of the report.

    Parameters
    ----------
    group, name
        The group and the name of the plugin, not of the builder.

    Returns
    -------
    callable or None
        ``None`` for a plugin that has no builder.

    Raises
    ------
    PluginError
        If it is ambiguous, cannot be imported or is not a function.
    """
    builder = report_builder_provenance(group, name)
    return None if builder is None else _load(builder)


def report_builder_provenance(group: ReportedGroup, name: str) -> Provenance | None:
    """Return the origin of a plugin's report builder; ``None`` for a plugin that has none.

    Raises
    ------
    PluginError
        If two distributions have a builder for the plugin.
    """
    reports = _REPORTS[group]
    return provenance(reports, name) if name in names(reports) else None


def names_of(group: Group, plugin_class: type[Plugin]) -> tuple[str, ...]:
    """Return all names under which a plugin's class is registered.

    Only modules of plugins whose class has the same name are imported.
    """
    return tuple(
        plugin.name
        for plugin in found(group)
        if plugin.target.partition(":")[2] == plugin_class.__qualname__
        and _load(plugin) is plugin_class
    )


def base_class(group: Group) -> type:
    """Return the class of which all plugins of a group are; not for groups of report builders."""
    base = _resolve(_BASES[group])
    assert isinstance(base, type)
    return base


def fault_of_class(plugin_class: type[Plugin]) -> str | None:
    """Return what is wrong with a plugin's class, as the end of a sentence; ``None`` if nothing."""
    abstract = sorted(getattr(plugin_class, "__abstractmethods__", ()))
    if abstract:
        return f"does not define {', '.join(abstract)}"
    fault = plugin_class.class_fault()
    return None if fault is None else f"is unsound: {fault}"


def listings(groups: Sequence[Group] = GROUPS) -> tuple[Listing, ...]:
    """Import every plugin and list it; plugins that cannot be used are listed with the error."""
    lines = []
    for group in groups:
        for plugin in found(group):
            try:
                provenance(group, plugin.name)
                if group in _REPORTED:
                    _require_plugin_of(plugin)
                _load(plugin)
            except PluginError as error:
                lines.append(Listing(plugin, str(error)))
            else:
                lines.append(Listing(plugin))
    return tuple(lines)


def _load(plugin: Provenance) -> Any:
    require_requirements(plugin)
    try:
        loaded = _resolve(plugin.target)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Importing runs third-party code, which may raise anything.
        raise PluginError(f"{plugin} cannot be loaded: {in_words(error)}") from error
    if plugin.group in _REPORTED:
        if isinstance(loaded, type) or not callable(loaded):
            raise PluginError(f"{plugin}: {plugin.target} is not a function that builds sections")
        return loaded
    base = base_class(plugin.group)
    fits = isinstance(loaded, base) if base is Method else _is_subclass(loaded, base)
    if not fits:
        expected = f"{base.__module__}.{base.__qualname__}"
        raise PluginError(f"{plugin}: {plugin.target} is not a {expected}")
    fault = None if base is Method else fault_of_class(loaded)
    if fault:
        raise PluginError(f"{plugin}: {plugin.target} {fault}")
    return loaded


def _require_plugin_of(builder: Provenance) -> None:
    """Raise PluginError unless there is a plugin with the name of a report builder."""
    try:
        provenance(_REPORTED[builder.group], builder.name)
    except PluginError as error:
        raise PluginError(f"{builder} belongs to no plugin: {error}") from error


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
