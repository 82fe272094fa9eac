"""What a discoverer, an explainer or a metric may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from causalxai.errors import CapabilityError
from causalxai.progress import SILENT, Progress

if TYPE_CHECKING:
    import torch

    from causalxai.classifier import Classifier, ClassifierSource
    from causalxai.concept_space import ConceptSpace
    from causalxai.dataset import Dataset
    from causalxai.explainer import Explainer
    from causalxai.graph import CausalGraph
    from causalxai.graph_discoverer import GraphDiscoverer
    from causalxai.oracle import Oracle

Part = TypeVar("Part")


_MEANING = {
    "observations": "observations (labels of the concepts, in the data set)",
    "reference": "reference images (whose concepts are independent, in the data set)",
}


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parts that stand when a stage of the pipeline begins.

    Parameters
    ----------
    classifier, dataset
        What is explained, and on what.
    rng
        The stage's own generator.
    progress
        Where long work reports.
    space, oracle, graph
        The fitted concepts, the bound oracle and the discovered graph, once they are there.
    source
        Where the classifier came from, for whoever needs another one like it: trained on other
        images, say, to compare with.
    discoverer, explainer
        What found the graph and what explains, for metrics that ask how much the answer changes
        when they are asked again.
    """

    classifier: Classifier
    dataset: Dataset
    rng: torch.Generator
    progress: Progress = SILENT
    space: ConceptSpace | None = None
    oracle: Oracle | None = None
    graph: CausalGraph | None = None
    source: ClassifierSource | None = None
    discoverer: GraphDiscoverer | None = None
    explainer: Explainer | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """What can be asked of this context.

        ``space``, ``oracle`` and ``graph`` where they are there, the oracle's own capabilities,
        ``observations`` where the data set comes with measured concepts, ``reference`` where it
        has images whose concepts are independent.
        """
        present = {name for name in ("space", "oracle", "graph") if getattr(self, name) is not None}
        if self.oracle is not None:
            present |= self.oracle.capabilities
        return offered_by(self.dataset) | present

    def require(self, needed: frozenset[str], who: str) -> None:
        """Raise CapabilityError if something that ``who`` needs is missing."""
        require(needed, self.capabilities, who)

    def expect(self, kind: Callable[..., Part], who: str) -> Part:
        """Return the one part that is a ``kind``, for parts that work with one another only.

        Raises
        ------
        CapabilityError
            If no part of the context is of that kind.
        """
        # A Callable, not a type: mypy lets no abstract class through as type[Part].
        wanted = cast("type[Part]", kind)
        for part in (self.oracle, self.space, self.graph, self.classifier, self.dataset):
            if isinstance(part, wanted):
                return part
        raise CapabilityError(f"{who} works with {wanted.__name__}; this pipeline has none")


def offered_by(dataset: Dataset) -> frozenset[str]:
    """Return which capabilities come with a data set."""
    known = {"observations": dataset.train.concepts, "reference": dataset.reference}
    return frozenset(name for name, part in known.items() if part is not None)


def require(needed: frozenset[str], offered: frozenset[str], who: str) -> None:
    """Raise CapabilityError, in words, if not all that ``who`` needs is offered."""
    missing = [_MEANING.get(name, name) for name in sorted(needed - offered)]
    if missing:
        has = ", ".join(sorted(offered)) or "none of them"
        raise CapabilityError(f"{who} needs {', '.join(missing)}; this pipeline has {has}")
