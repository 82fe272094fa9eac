"""The keys of stored results: digests of everything that a result depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch

from causalxai import __version__
from causalxai.config import ResolvedPlugin, ResolvedSpec, Stage
from causalxai.errors import ContractError
from causalxai.metric import Metric
from causalxai.plugin import Plugin, registry
from causalxai.plugin.guard import guarded
from causalxai.plugin.provenance import Provenance
from causalxai.storage.store import digest

RESULTS_VERSION = 2
"""The core's part in all keys. It is raised when the core changes what results are: the inputs of
stages, templates such as ``Oracle.query``, the form of a stored result. All results are then
computed anew. A change of one plugin raises the ``__version__`` of its package instead."""

METRIC = "metrics."
"""What the names of metrics begin with where they stand among the stages."""
PREPARATION = "preparation"
"""The name of the part of a discovery that needs no concepts, among the keys."""

NOT_STORED = (Stage.DATASET, Stage.ORACLE)
"""The stages whose results are not in the store."""


def labelled_metrics(spec: ResolvedSpec) -> dict[str, ResolvedPlugin[Metric]]:
    """Return the metrics by label; further ones of the same name get a number."""
    labels: dict[str, ResolvedPlugin[Metric]] = {}
    for part in spec.metrics:
        name = part.provenance.name
        times = sum(other.provenance.name == name for other in labels.values())
        labels[f"{name}-{times + 1}" if times else name] = part
    return labels


def stage_keys(
    spec: ResolvedSpec,
    plugins: Mapping[str, ResolvedPlugin[Any]],
    device: torch.device,
    fingerprints: MutableMapping[str, str],
    answers: str = "",
) -> dict[str, str]:
    """Return the keys by stage, of the report too.

    Parameters
    ----------
    spec
        The resolved spec.
    plugins
        Its plugins by stage.
    device
        The device of the networks.
    fingerprints
        The known fingerprints of parts; missing ones are computed and added. Those of parts that
        run code which the spec names are always computed, because another process may have
        imported other code.
    answers
        The answers of the classifier, where they are not those that are stored under the key
        without them.
    """
    keys: dict[str, str] = {}

    def key(name: str, stage: str, inputs: Sequence[str], **more: object) -> str:
        content = _content(plugins[name], fingerprints)
        read = {"inputs": [keys[name] for name in inputs], "seed": spec.seed}
        # Other devices round differently.
        return digest({"stage": stage, **content, **read, "device": device.type, **more})

    more: dict[Stage, dict[str, Any]] = {
        Stage.EXPLAIN: {"images": spec.images_data},
        Stage.CLASSIFIER: {"answers": answers} if answers else {},
    }
    for stage in spec.stages:
        # A stage may read the results of all stages before it.
        keys[stage] = key(stage, stage, list(keys), **more.get(stage, {}))
    stages = list(keys)
    for label in labelled_metrics(spec):
        name = f"{METRIC}{label}"
        keys[name] = key(name, name, stages)
    versions = [str(plugin.provenance) for plugin in plugins.values()]
    keys["report"] = digest(
        {
            "name": spec.name,
            # The core draws the page, so that another version draws it anew; that takes seconds.
            "causalxai": __version__,
            "plugins": versions,
            "builders": _report_builders(spec),
            "results": list(keys.values()),
        }
    )
    if Stage.GRAPH not in keys or not plugins[Stage.GRAPH].build().prepares:
        return keys
    # The key of the graph says everything that this one does, and need not say this one.
    prepared = key(Stage.GRAPH, PREPARATION, list(_NEEDED_TO_PREPARE))
    first = stages.index(Stage.GRAPH)
    items = list(keys.items())
    return dict([*items[:first], (PREPARATION, prepared), *items[first:]])


_NEEDED_TO_PREPARE = (Stage.DATASET, Stage.CLASSIFIER)


def stages_before(stage: str) -> list[str]:
    """Return the stages that a stage, a metric or the report may read, in order."""
    if stage == PREPARATION:
        return list(_NEEDED_TO_PREPARE)
    order: list[str] = list(Stage)
    before = order[: order.index(stage)] if stage in order else order
    return [*before, PREPARATION] if stage == Stage.GRAPH else before


def reported_keys(keys: Mapping[str, str], *, metrics: bool) -> dict[str, str]:
    """Return the keys of the stored results that a report shows, with those of metrics or not."""
    hidden = (*NOT_STORED, PREPARATION, "report")
    return {
        stage: key
        for stage, key in keys.items()
        if stage not in hidden and (metrics or not stage.startswith(METRIC))
    }


def _report_builders(spec: ResolvedSpec) -> list[str]:
    """Return the report builders, which may be of other distributions than their plugins."""
    drawn: tuple[tuple[registry.ReportedGroup, ResolvedPlugin[Any] | None], ...] = (
        ("concept_spaces", spec.concepts),
        ("graph_discoverers", spec.graph),
        ("explainers", spec.explain),
    )
    found = [
        registry.report_builder_provenance(group, part.provenance.name)
        for group, part in drawn
        if part is not None
    ]
    return [f"{builder} {builder.target}" for builder in found if builder is not None]


def _content(
    resolved: ResolvedPlugin[Any], fingerprints: MutableMapping[str, str]
) -> dict[str, object]:
    """Return what the results of a part depend on, whatever it reads: its code and settings."""
    plugin = resolved.provenance
    config, fingerprint = _own_inputs(plugin, resolved.build(), fingerprints)
    learned = resolved.learned
    return {
        "results": RESULTS_VERSION,
        "plugin": [plugin.distribution, plugin.version, plugin.target],
        "config": config,
        "fingerprint": fingerprint,
        **({"learned": learned.digest} if learned else {}),
        # Other versions round differently.
        "torch": str(torch.__version__),
    }


def _own_inputs(
    plugin: Provenance, part: Plugin, known: MutableMapping[str, str]
) -> tuple[dict[str, object], str]:
    """Return what a part's results depend on besides other results: its config and fingerprint."""
    with guarded(plugin, "its key in the store"):
        config = part.portable_config()
        if not isinstance(config, dict) or not _is_json(config):
            raise ContractError(f"{plugin}: portable_config() must return plain JSON")
        name = f"{type(part).__module__}.{type(part).__qualname__} {part.config!r}"
        is_known = name in known and not part.config.named_code()
        found = known[name] if is_known else part.fingerprint()
        if not isinstance(found, str):
            kind = type(found).__name__
            raise ContractError(f"{plugin}: fingerprint() must return text, not {kind}")
    known[name] = found
    return config, found


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
