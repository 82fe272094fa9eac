"""Where each score of a comparison comes from: its metric, its explainer and its concept space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from causalxai.comparison.result import Comparison
from causalxai.config.vary import Label
from causalxai.explainer import ControlKind
from causalxai.metric import Metric
from causalxai.pipeline.keys import labelled_metrics

Place: TypeAlias = tuple[tuple[Label, ...], str]
"""A row's labels, without those of replicates, and a metric's name in the table."""


@dataclass(frozen=True)
class ScoreProvenance:
    """Where a score comes from.

    Parameters
    ----------
    concepts
        The name of the run's concept space; empty if it has none.
    metric
        The class of the metric.
    control
        The kind of control that the explainer is; ``None`` if it is not a control.
    """

    concepts: str
    metric: type[Metric]
    control: ControlKind | None


def score_provenances(
    comparison: Comparison, replicates: str | None
) -> dict[Place, ScoreProvenance]:
    """Return where each score of a comparison comes from.

    Parameters
    ----------
    comparison
        A finished comparison.
    replicates
        The axis whose runs are pooled.
    """
    found: dict[Place, ScoreProvenance] = {}
    for entry in comparison.entries:
        spec = entry.cell.spec
        labels = tuple(at for name, at in entry.cell.labels.items() if name != replicates)
        for name, part in labelled_metrics(spec).items():
            found[labels, name] = ScoreProvenance(
                spec.concepts.provenance.name if spec.concepts else "",
                part.plugin_class,
                spec.explain.plugin_class.control if spec.explain else None,
            )
    return found
