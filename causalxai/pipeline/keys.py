"""What each stage's result is filed under: the digest of all that it depends on."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch

from causalxai import __version__
from causalxai.config import ResolvedPlugin, ResolvedSpec
from causalxai.metric import Metric
from causalxai.plugin import Plugin, registry
from causalxai.storage.store import digest


def labelled_metrics(spec: ResolvedSpec) -> dict[str, ResolvedPlugin[Metric]]:
    """Return the metrics by label; one that stands twice, with other settings, is counted."""
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
) -> dict[str, str]:
    """Return the keys by stage, of the report too.

    Parameters
    ----------
    spec
        The resolved spec.
    plugins
        Its plugins by stage.
    device
        Where networks are run.
    fingerprints
        Those of parts that were looked at already; the others are added.
    """
    keys: dict[str, str] = {}

    def add(stage: str, inputs: Sequence[str], **more: object) -> None:
        plugin, part = plugins[stage].provenance, plugins[stage].build()
        keys[stage] = digest(
            {
                "causalxai": __version__,
                "stage": stage,
                "plugin": [plugin.distribution, plugin.version, plugin.target],
                "config": part.portable_config(),
                "fingerprint": _fingerprint(part, fingerprints),
                "inputs": [keys[name] for name in inputs],
                "seed": spec.seed,
                # Other devices and other versions round differently.
                "device": device.type,
                "torch": str(torch.__version__),
                **more,
            }
        )

    add("dataset", [])
    add("classifier", ["dataset"])
    add("concepts", ["dataset", "classifier"])
    add("oracle", ["concepts"])
    add("graph", ["oracle"])
    add("explain", ["graph"], images=spec.images.model_dump(mode="json"))
    for label in labelled_metrics(spec):
        add(f"metrics.{label}", ["explain"])
    versions = [str(plugin.provenance) for plugin in plugins.values()]
    results = [key for stage, key in keys.items() if stage.startswith(("explain", "metrics"))]
    keys["report"] = digest(
        {
            "name": spec.name,
            "plugins": versions,
            "builders": _report_builders(spec),
            "results": results,
        }
    )
    return keys


def _report_builders(spec: ResolvedSpec) -> list[str]:
    """Return what draws the report: a builder may be of another distribution than its plugin."""
    found = (
        registry.report_builder_provenance("concept_spaces", spec.concepts.provenance.name),
        registry.report_builder_provenance("graph_discoverers", spec.graph.provenance.name),
        registry.report_builder_provenance("explainers", spec.explain.provenance.name),
    )
    return [f"{builder} {builder.target}" for builder in found if builder is not None]


def _fingerprint(part: Plugin, known: MutableMapping[str, str]) -> str:
    name = f"{type(part).__module__}.{type(part).__qualname__} {part.config!r}"
    if name not in known:
        known[name] = part.fingerprint()
    return known[name]
