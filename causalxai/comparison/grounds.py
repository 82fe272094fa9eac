"""What a score stands on: which metric of which explainer, and whose concepts it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from causalxai.metric import Metric
from causalxai.pipeline.keys import labelled_metrics
from causalxai.pipeline.store import digest
from causalxai.spec import ResolvedSpec
from causalxai.spec.vary import Label

if TYPE_CHECKING:
    from causalxai.comparison.comparison import Comparison

Place: TypeAlias = tuple[tuple[Label, ...], str]
"""A row's labels, without those of replicates, and a metric's name in the table."""


@dataclass(frozen=True)
class Ground:
    """What a score stands on.

    Parameters
    ----------
    concepts
        What the run's concept space is called.
    metric, explainer
        The plugins: the class of the one, the name of the other.
    """

    concepts: str
    metric: type[Metric]
    explainer: str


def grounds(comparison: Comparison, replicates: str | None) -> dict[Place, Ground]:
    """Return what each score of a comparison stands on.

    Parameters
    ----------
    comparison
        Finished.
    replicates
        The axis whose runs are pooled.
    """
    found: dict[Place, Ground] = {}
    for entry in comparison.entries:
        spec = entry.cell.spec
        labels = tuple(at for name, at in entry.cell.labels.items() if name != replicates)
        for name, part in labelled_metrics(spec).items():
            found[labels, name] = Ground(
                spec.concepts.provenance.name,
                part.plugin_class,
                spec.explain.provenance.name,
            )
    return found


def vocabulary(spec: ResolvedSpec, metric: type[Metric] | None, read: str) -> str:
    """Return what tells apart which concepts, asked about through which oracle, a score is about.

    Scores of different vocabularies answer different questions.

    Parameters
    ----------
    spec
        The run.
    metric
        What scored it.
    read
        What the metric read of the explanation, as ``MetricResult`` has it.
    """
    if read != "concepts" and (metric is None or not metric.about_concepts):
        return ""
    parts = {"concepts": spec.concepts.to_data(), "oracle": spec.oracle.to_data()}
    return f"{spec.concepts.provenance.name} {digest(parts)[:8]}"
