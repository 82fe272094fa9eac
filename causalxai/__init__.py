"""Causal explanations of trained image classifiers.

``import causalxai`` is quick: public names load what they need when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalxai.classifier import Classifier, ClassifierSource
    from causalxai.comparison import Comparison, compare
    from causalxai.concept_space import Concept, ConceptSpace, Units
    from causalxai.context import Context
    from causalxai.dataset import Dataset, DatasetSource, Split
    from causalxai.explainer import Explainer, Explanation
    from causalxai.graph import CausalGraph, Edge
    from causalxai.graph_discoverer import BackgroundKnowledge, GraphDiscoverer
    from causalxai.intervention import Intervention
    from causalxai.metric import Estimate, Metric, MetricResult
    from causalxai.network.hidden_layer import HiddenLayer
    from causalxai.oracle import Oracle, Response
    from causalxai.pipeline import Run, run
    from causalxai.plugin import PluginConfig
    from causalxai.storage.checkpoint import Checkpoint

__version__ = "0.2.0"

_HOMES = {
    "causalxai.storage.checkpoint": ("Checkpoint",),
    "causalxai.classifier": ("Classifier", "ClassifierSource"),
    "causalxai.comparison": ("Comparison", "compare"),
    "causalxai.concept_space": ("Concept", "ConceptSpace", "Units"),
    "causalxai.context": ("Context",),
    "causalxai.dataset": ("Dataset", "DatasetSource", "Split"),
    "causalxai.explainer": ("Explainer", "Explanation"),
    "causalxai.graph": ("CausalGraph", "Edge"),
    "causalxai.graph_discoverer": ("BackgroundKnowledge", "GraphDiscoverer"),
    "causalxai.network.hidden_layer": ("HiddenLayer",),
    "causalxai.intervention": ("Intervention",),
    "causalxai.metric": ("Estimate", "Metric", "MetricResult"),
    "causalxai.oracle": ("Oracle", "Response"),
    "causalxai.pipeline": ("Run", "run"),
    "causalxai.plugin": ("PluginConfig",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BackgroundKnowledge",
    "CausalGraph",
    "Checkpoint",
    "Classifier",
    "ClassifierSource",
    "Comparison",
    "Concept",
    "ConceptSpace",
    "Context",
    "Dataset",
    "DatasetSource",
    "Edge",
    "Estimate",
    "Explainer",
    "Explanation",
    "GraphDiscoverer",
    "HiddenLayer",
    "Intervention",
    "Metric",
    "MetricResult",
    "Oracle",
    "PluginConfig",
    "Response",
    "Run",
    "Split",
    "Units",
    "compare",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
