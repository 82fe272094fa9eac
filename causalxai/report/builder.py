"""Report builders: functions that draw the sections of a report for one plugin's results.

The class of a plugin does not draw. Its distribution registers a report builder under the plugin's
name, in the entry-point group ``causalxai.concept_reports``, ``causalxai.graph_reports`` or
``causalxai.explanation_reports``; a plugin without one has no sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from causalxai.progress import SILENT, Progress
from causalxai.report.section import Section
from causalxai.short_repr import short_repr

if TYPE_CHECKING:
    import torch

    from causalxai.classifier import Classifier
    from causalxai.concept_space import ConceptSpace
    from causalxai.dataset import Dataset
    from causalxai.explainer import Explainer, Explanation
    from causalxai.graph import CausalGraph
    from causalxai.graph_discoverer import GraphDiscoverer
    from causalxai.oracle import Oracle
    from causalxai.report.graph_view import GraphExtras, NodeMeaning

SpaceT = TypeVar("SpaceT", bound="ConceptSpace", contravariant=True)
DiscovererT = TypeVar("DiscovererT", bound="GraphDiscoverer", contravariant=True)
ExplainerT = TypeVar("ExplainerT", bound="Explainer", contravariant=True)


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """The inputs of a report builder, beside the result that it reports on.

    Parameters
    ----------
    classifier, dataset
        The trained classifier and its data.
    rng
        The generator of all random choices.
    progress
        Receives reports on the progress of long work.
    space, oracle, graph, explanation
        The run's other results; ``None`` for a stage that the run does not have.
    """

    classifier: Classifier
    dataset: Dataset
    rng: torch.Generator
    progress: Progress = SILENT
    space: ConceptSpace | None = None
    oracle: Oracle | None = None
    graph: CausalGraph | None = None
    explanation: Explanation | None = None

    __repr__ = short_repr


@dataclass(frozen=True)
class ConceptReport:
    """The sections on concepts, and what the concepts mean to a person.

    Parameters
    ----------
    sections
        The sections, in order.
    meanings
        What concepts mean, by name. The report's drawing of a graph tells it of the nodes of these
        names, unless the report builder of the graph says what they mean.
    """

    sections: Sequence[Section] = ()
    meanings: Mapping[str, NodeMeaning] = field(default_factory=dict)

    __repr__ = short_repr

    @classmethod
    def of(cls, made: Sequence[Section] | ConceptReport) -> ConceptReport:
        """Return what a report builder made, also where it made sections alone."""
        return made if isinstance(made, ConceptReport) else cls(made)


@dataclass(frozen=True)
class GraphReport:
    """The sections on a graph.

    Parameters
    ----------
    sections
        The sections, in order.
    draws_graph
        Whether they contain a drawing of the whole graph; if not, the report draws it first.
    extras
        What nodes mean and how strong edges are, for the drawing by the report.
    """

    sections: Sequence[Section] = ()
    draws_graph: bool = False
    extras: GraphExtras | None = None

    __repr__ = short_repr


class ConceptReportBuilder(Protocol[SpaceT]):
    """Builds the sections on how well the concepts were learned."""

    def __call__(self, space: SpaceT, inputs: ReportInputs, /) -> Sequence[Section] | ConceptReport:
        """Return the sections for a fitted space, or these with what its concepts mean."""
        ...


class GraphReportBuilder(Protocol[DiscovererT]):
    """Builds the sections on a discovered graph."""

    def __call__(
        self, discoverer: DiscovererT, graph: CausalGraph, inputs: ReportInputs, /
    ) -> GraphReport:
        """Return the sections for a graph that the discoverer found."""
        ...


class ExplanationReportBuilder(Protocol[ExplainerT]):
    """Builds the sections on an explanation."""

    def __call__(
        self, explainer: ExplainerT, explanation: Explanation, inputs: ReportInputs, /
    ) -> Sequence[Section]:
        """Return the sections for an explanation that the explainer made."""
        ...
