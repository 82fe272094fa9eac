"""Checks, before any training, that the stages of a run offer what its parts need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from causalxai.capabilities import OFFERED_BY_DATA, Capability
from causalxai.config.mistake import Mistake
from causalxai.config.model import STAGES, Stage
from causalxai.config.resolved_plugin import ResolvedPlugin
from causalxai.errors import CapabilityError, ContractError, PluginError
from causalxai.plugin import registry
from causalxai.plugin.guard import guarded
from causalxai.plugin.provenance import Group


def unmet_needs(
    stages: Mapping[Stage, ResolvedPlugin[Any]], metrics: Sequence[ResolvedPlugin[Any]]
) -> list[Mistake]:
    """Return a mistake for each part that needs something that no other part offers.

    Parameters
    ----------
    stages
        The plugins of the stages that the run has.
    metrics
        The plugins that score it.
    """
    mistakes = []
    if Stage.ORACLE in stages and Stage.CONCEPTS not in stages:
        message = "answers interventions on concepts, but this run has no 'concepts'"
        mistakes.append(Mistake((Stage.ORACLE,), message))
    offered = _offered(stages)
    if Stage.GRAPH in stages:
        mistakes += _unmet(stages[Stage.GRAPH], offered - {Capability.GRAPH}, (Stage.GRAPH,))
    if Stage.EXPLAIN in stages:
        mistakes += _unmet(stages[Stage.EXPLAIN], offered, (Stage.EXPLAIN,))
    for number, metric in enumerate(metrics):
        at = ("metrics", number)
        if Stage.EXPLAIN not in stages and metric.plugin_class.scores_explanations:
            name = metric.provenance.name
            mistakes.append(Mistake(at, f"{name!r} scores explanations: set 'explain'"))
        mistakes += _unmet(metric, offered, at)
    if Stage.CONCEPTS in stages and Stage.EXPLAIN in stages:
        mistakes += _misfits(stages[Stage.CONCEPTS], stages[Stage.EXPLAIN])
    mistakes += _strangers(stages)
    return mistakes


def _strangers(stages: Mapping[Stage, ResolvedPlugin[Any]]) -> Iterator[Mistake]:
    """Yield a mistake for each part that cannot work with the kind of another part."""
    pairs = (
        (Stage.ORACLE, Stage.CONCEPTS, "accepts"),
        (Stage.GRAPH, Stage.CONCEPTS, "space_kind"),
        (Stage.GRAPH, Stage.ORACLE, "oracle_kind"),
        (Stage.EXPLAIN, Stage.CONCEPTS, "space_kind"),
        (Stage.EXPLAIN, Stage.ORACLE, "oracle_kind"),
    )
    for stage, other, attribute in pairs:
        if stage in stages and other in stages:
            wanted = getattr(stages[stage].plugin_class, attribute)
            if not issubclass(stages[other].plugin_class, wanted):
                names = [stages[each].provenance.name for each in (stage, other)]
                fitting = [
                    name
                    for name in registry.names(STAGES[other])
                    if _is_kind(STAGES[other], name, wanted)
                ]
                message = (
                    f"{names[0]!r} does not work with the {other} {names[1]!r}"
                    f" (it works with: {', '.join(fitting) or wanted.__name__})"
                )
                yield Mistake((stage,), message)


def _is_kind(group: Group, name: str, wanted: type) -> bool:
    try:
        return issubclass(registry.load(group, name), wanted)
    except PluginError:
        return False


def _misfits(concepts: ResolvedPlugin[Any], explain: ResolvedPlugin[Any]) -> Iterator[Mistake]:
    """Yield a mistake if the explainer's settings do not fit the number of concepts."""
    try:
        with guarded(concepts.provenance, "its number of concepts"):
            size = concepts.build().configured_size
        with guarded(explain.provenance, "checking its settings"):
            if size is not None:
                explain.build().check_size(size)
    except CapabilityError as error:
        yield Mistake((Stage.EXPLAIN,), str(error))
    except (PluginError, ContractError):
        # The plugin is broken, which is no mistake in the spec: its run fails and says why.
        return


def _offered(stages: Mapping[Stage, ResolvedPlugin[Any]]) -> frozenset[Capability]:
    """Return the capabilities that the stages offer to later ones."""
    of_stage = {
        Stage.CONCEPTS: Capability.CONCEPTS,
        Stage.ORACLE: Capability.ORACLE,
        Stage.GRAPH: Capability.GRAPH,
    }
    offered = {capability for stage, capability in of_stage.items() if stage in stages}
    if Stage.ORACLE in stages:
        offered |= stages[Stage.ORACLE].plugin_class.capabilities
    return frozenset(offered)


def _unmet(
    plugin: ResolvedPlugin[Any], offered: frozenset[Capability], at: tuple[str | int, ...]
) -> Iterator[Mistake]:
    try:
        needs = plugin.requires()
    except (PluginError, ContractError):
        # The plugin is broken, which is no mistake in the spec: its run fails and says why.
        return
    # What the data set offers is known when it is loaded; the pipeline checks it before training.
    missing = needs - offered - OFFERED_BY_DATA
    if missing:
        needed = ", ".join(Capability(name).meaning for name in sorted(missing))
        message = f"{plugin.provenance.name!r} needs {needed}, which nothing in this run offers"
        yield Mistake(at, message)
