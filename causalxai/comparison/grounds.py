"""What a score stands on: which metric of which explainer, and whose concepts it asks about."""

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

_OF_CONCEPTS = frozenset({"space", "oracle", "readback", "render", "gradient"})


@dataclass(frozen=True)
class Ground:
    """What a score stands on.

    Parameters
    ----------
    vocabulary
        Tells apart which concepts and which oracle the metric asks about; empty where it asks
        about neither. Scores of different vocabularies answer different questions.
    concepts
        What that concept space is called.
    metric, explainer
        The plugins: the class of the one, the name of the other.
    """

    vocabulary: str
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
            about = part.plugin_class.requires & _OF_CONCEPTS
            found[labels, name] = Ground(
                _vocabulary(spec) if about else "",
                spec.concepts.provenance.name,
                part.plugin_class,
                spec.explain.provenance.name,
            )
    return found


def _vocabulary(spec: ResolvedSpec) -> str:
    return digest({"concepts": spec.concepts.to_data(), "oracle": spec.oracle.to_data()})
