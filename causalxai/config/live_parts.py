"""Resolves live objects: finds which part of a run an object is, and what it is filed under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from causalxai import __version__
from causalxai.config.live import Live
from causalxai.config.resolved_plugin import LIVE, Learned, ResolvedPlugin
from causalxai.errors import PluginError
from causalxai.plugin import Plugin, PluginConfig, registry
from causalxai.plugin.provenance import Group, Provenance
from causalxai.storage.digests import digest_record

if TYPE_CHECKING:
    from causalxai.live.images import GivenImages

CALLER = "the calling program"
"""What stands in the place of a distribution where a part comes from none."""

_WANTED: dict[Group, str] = {
    "datasets": "a causalxai.Dataset",
    "classifiers": "a causalxai.Classifier, as in Classifier(model, class_names=...)",
    "graph_discoverers": "a causalxai.CausalGraph, a causalxai.GraphDiscoverer",
}


def resolve_live(group: Group, live: Live) -> ResolvedPlugin[Any]:
    """Return the part of a run that an object is.

    Parameters
    ----------
    group
        The group of the stage that the object was given for.
    live
        The object: a ``Dataset``, a ``Classifier``, or a plugin, fitted or not.

    Raises
    ------
    CausalxaiError
        If the object is none for this stage, or cannot be filed; the message says what is wanted.
    """
    if group not in live.resolved:
        live.resolved[group] = _resolve(group, live.value)
    return live.resolved[group]


def resolve_images(live: Live) -> GivenImages:
    """Return the images to explain that an object holds; DataError if it holds none."""
    from causalxai.live.images import AskedImages, GivenImages, given_images

    if isinstance(live.value, GivenImages):
        return live.value
    asked = live.value if isinstance(live.value, AskedImages) else AskedImages(live.value)
    return given_images(asked.images, asked.target)


def images_by_digest(data: Mapping[str, Any]) -> dict[str, object]:
    """Return, of a written spec whose images were objects, what is known of them."""
    images = data.get("images")
    if not isinstance(images, dict) or images.get("use") != LIVE:
        return {}
    from causalxai.live.images import GivenImages

    return {"images": GivenImages.from_data(images)}


def _resolve(group: Group, value: object) -> ResolvedPlugin[Any]:
    # Imported here because torch takes seconds, which a spec of a file can do without.
    from causalxai.classifier import Classifier
    from causalxai.dataset import Dataset
    from causalxai.graph import CausalGraph

    if group == "classifiers" and isinstance(value, Classifier):
        return _classifier(value)
    if group == "datasets" and isinstance(value, Dataset):
        return _dataset(value)
    if group == "graph_discoverers" and isinstance(value, CausalGraph):
        return _graph(value)
    base = registry.base_class(group)
    if not isinstance(value, Plugin) or not isinstance(value, base):
        wanted = _WANTED.get(group, f"a causalxai.{base.__name__}")
        raise PluginError(f"should be {wanted}, or a plugin's name, not a {type(value).__name__}")
    part = _plugin(group, value)
    return replace(part, learned=_learned(value)) if group == "concept_spaces" else part


def _classifier(value: Any) -> ResolvedPlugin[Any]:
    from causalxai.live.classifier import LiveClassifier, classifier_digest
    from causalxai.network.adaptation import name_of

    config = LiveClassifier.Config(classifier=value, digest=classifier_digest(value))
    return _built_in("classifiers", name_of(value.model), LiveClassifier, config)


def _dataset(value: Any) -> ResolvedPlugin[Any]:
    from causalxai.live.dataset import LiveDataset, dataset_digest

    config = LiveDataset.Config(dataset=value, digest=dataset_digest(value))
    count = len(value.train) + len(value.test)
    return _built_in("datasets", f"{count} images", LiveDataset, config)


def _graph(value: Any) -> ResolvedPlugin[Any]:
    from causalxai.live.graph import LiveGraph, graph_digest

    config = LiveGraph.Config(graph=value, digest=graph_digest(value))
    return _built_in("graph_discoverers", "your graph", LiveGraph, config)


def _built_in(
    group: Group, name: str, plugin_class: type[Plugin], config: PluginConfig
) -> ResolvedPlugin[Any]:
    target = f"{plugin_class.__module__}:{plugin_class.__qualname__}"
    origin = Provenance(group, name, CALLER, __version__, target)
    return ResolvedPlugin(origin, plugin_class, config, live=True)


def _plugin(group: Group, value: Plugin) -> ResolvedPlugin[Any]:
    """Return a plugin with its settings: under its registered name, if it has one."""
    kind = type(value)
    if names := registry.names_of(group, kind):
        return ResolvedPlugin(registry.provenance(group, names[0]), kind, value.config)
    if fault := registry.fault_of_class(kind):
        raise PluginError(f"{kind.__qualname__} {fault}")
    origin = Provenance(
        group, kind.__name__, CALLER, _code_digest(kind), f"{kind.__module__}:{kind.__qualname__}"
    )
    return ResolvedPlugin(origin, kind, value.config, live=True)


def _code_digest(kind: type[Plugin]) -> str:
    from causalxai.network.network_digest import class_digest

    return class_digest(kind)[:16]


def _learned(space: Any) -> Learned | None:
    """Return what a concept space has learned already; ``None`` if it is not fitted."""
    # A fit adds attributes to those that the constructor sets.
    before = vars(type(space)(space.config))
    if not vars(space).keys() - before.keys() - {"provenance"}:
        return None
    record = space.to_record()
    return Learned(record, digest_record(record))
