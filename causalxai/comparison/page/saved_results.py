"""Saved results of runs that can be shown side by side: their explanations and graphs."""

from __future__ import annotations

import json
import logging
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from causalxai.capabilities import Capability
from causalxai.config import Stage
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
        The label of the run on the contrasted axis.
    control
        Whether the run is a control.
    explanation, graph
        Its results; ``None`` if the run has none.
    block
        The labels of the other axes, if there are other runs.
    asks_classifier
        Whether the graph's discoverer used more than observations.
    """

    label: str
    control: bool
    explanation: Explanation | None
    graph: CausalGraph | None
    block: str = ""
    asks_classifier: bool = True

    @property
    def has_concept_graph(self) -> bool:
        """Whether the graph is small (at most 12 nodes are joined) and has more than two layers.

        It has more than two layers if some effect is, or may be, a cause.
        """
        edges = () if self.graph is None else self.graph.edges
        causes = {edge.source for edge in edges}
        effects = {edge.target for edge in edges}
        layered = causes & effects or any(not edge.directed for edge in edges)
        return bool(layered) and len(causes | effects) <= _MOST_NODES


def saved_results(comparison: Comparison) -> list[SavedResult]:
    """Return the results of the runs that differ from the first one only along ``contrast``.

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
                left = _left_in(entry.outcome.directory, entry.cell.spec.stages)
            except (OSError, ValueError, SafetensorError) as error:
                _logger.warning("%s: nothing of this run is shown: %s", label, error)
                continue
            graph = entry.cell.spec.graph
            asks = graph is not None and graph.requires() != {Capability.OBSERVATIONS}
            block = ", ".join(f"{name}: {at}" for name, at in labels.items() if name in several)
            shown.append(SavedResult(label, entry.cell.control, *left, block, asks))
    return shown


def _left_in(
    directory: Path, stages: Container[Stage]
) -> tuple[Explanation | None, CausalGraph | None]:
    """Read the results of a run with these stages."""
    explanation = _explanation_in(directory) if Stage.EXPLAIN in stages else None
    return explanation, _graph_in(directory) if Stage.GRAPH in stages else None


def _explanation_in(directory: Path) -> Explanation:
    folder = directory / "explanation"
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    record = Record(tensors=load_file(folder / "tensors.safetensors"), meta=meta)
    return Explanation.from_record(record)


def _graph_in(directory: Path) -> CausalGraph:
    graph = json.loads((directory / "graph.json").read_text(encoding="utf-8"))
    return CausalGraph.from_json(graph)
