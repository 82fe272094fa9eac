"""What runs left behind that can be shown side by side: their explanations and their graphs."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.storage.record import Record

if TYPE_CHECKING:
    from causalxai.comparison.result import Comparison

_MOST_NODES = 12

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedResult:
    """A run's explanation and its graph.

    Parameters
    ----------
    label
        What tells the run from the others.
    control
        Whether it ought to do worse.
    explanation, graph
        Its results.
    block
        What else it was run under, where there are other runs: the labels of the other axes.
    asks_classifier
        Whether whoever found the graph asked for more than observations.
    """

    label: str
    control: bool
    explanation: Explanation
    graph: CausalGraph
    block: str = ""
    asks_classifier: bool = True

    @property
    def has_concept_graph(self) -> bool:
        """Whether the graph is small (at most 12 nodes are joined) and has more than two layers.

        It has if some effect is a cause, or may be one.
        """
        edges = self.graph.edges
        causes = {edge.source for edge in edges}
        effects = {edge.target for edge in edges}
        layered = causes & effects or any(not edge.directed for edge in edges)
        return bool(layered) and len(causes | effects) <= _MOST_NODES


def saved_results(comparison: Comparison) -> list[SavedResult]:
    """Return what the runs left that differ from the first one along ``contrast`` alone.

    Runs that failed are left out; so are those whose files are gone, with a warning.
    """
    shown: list[SavedResult] = []
    others: dict[str, Any] | None = None
    several = {axis.name for axis in comparison.axes if len(axis.labels) > 1}
    for entry in comparison.entries:
        if entry.outcome.directory is None:
            continue
        labels: dict[str, Any] = dict(entry.cell.labels)
        label = str(labels.pop(comparison.contrast or "", entry.cell.spec.name))
        others = labels if others is None else others
        if labels == others:
            try:
                left = _left_in(entry.outcome.directory)
            except (OSError, ValueError, SafetensorError) as error:
                _logger.warning("%s: nothing of this run is shown: %s", label, error)
                continue
            asks = bool(entry.cell.spec.graph.build().requires - {Capability.OBSERVATIONS})
            block = ", ".join(f"{name}: {at}" for name, at in labels.items() if name in several)
            shown.append(SavedResult(label, entry.cell.control, *left, block, asks))
    return shown


def _left_in(directory: Path) -> tuple[Explanation, CausalGraph]:
    """Read what a run wrote."""
    folder = directory / "explanation"
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    record = Record(tensors=load_file(folder / "tensors.safetensors"), meta=meta)
    graph = json.loads((directory / "graph.json").read_text(encoding="utf-8"))
    return Explanation.from_record(record), CausalGraph.from_json(graph)
