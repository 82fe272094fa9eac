"""The base of discoverers over observed concepts, which reads them and builds the graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai.capabilities import Capability
from causalxai.columns import (
    dependent_columns,
    informative_rows,
    require_independent,
    standardised,
)
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.outline import Outline
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json
from causalxai_discovery.claims import Claims, Settled, settle
from causalxai_discovery.constraints import Constraints, Pair

Search: TypeAlias = Callable[[NDArray[np.float64]], Claims]

_WIDTH_ROWS = 100


class ObservationsConfig(DiscovererConfig):
    """Settings that every discoverer over observations has.

    Parameters
    ----------
    bootstrap
        The number of random halves of the rows on which to repeat the search. An edge's
        ``frequency`` is the share of these searches that find it with the same marks; with 0 there
        is none. The halves are drawn without replacement, because repeated rows would count as
        additional evidence and add edges.
    """

    bootstrap: int = Field(default=0, ge=0)


class ObservationDiscoverer(GraphDiscoverer, ABC):
    """Searches the observed concepts of the training images; the classifier is not used.

    Pairs whose direction is undetermined are undirected edges of the graph, and pairs with an
    unobserved common cause are bidirected ones. Changes of the method's claims because of
    background knowledge or cycles are in ``annotations["repairs"]``, a list of texts. How often the
    method draws an edge between independent concepts is in ``annotations["false_edges"]``.
    """

    requires = frozenset({Capability.OBSERVATIONS})
    measured_false_edges: ClassVar[str] = ""
    """How often independent concepts got an edge when it was measured; see docs/statistics.md."""

    class Config(ObservationsConfig):
        """Settings of an ``ObservationDiscoverer``."""

    config: ObservationsConfig

    def check_outline(self, outline: Outline) -> None:
        """Check that ``background`` fits the concepts."""
        Constraints.of(self.config.background, outline.concept_names)

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that the concepts can be searched."""
        observed(dataset)

    @abstractmethod
    def _search(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        """Return the method's claims about columns ``[n, d]``, before ``settle``."""

    def _false_edges(self, d: int) -> str:  # noqa: ARG002
        """Return in words how often a graph of ``d`` independent concepts has an edge."""
        return self.measured_false_edges

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        rng = numpy_generator(inputs.rng)
        names = inputs.dataset.concept_names
        constraints = Constraints.of(self.config.background, names)
        values = observed(inputs.dataset)
        settled = settle(self._search_informative(values, constraints, rng), constraints)
        found = self._found_in_halves(inputs, values, constraints, rng)
        draws = self.config.bootstrap
        edges = [
            Edge(
                names[i],
                names[j],
                kind,
                frequency=found[i, j, kind] / draws if draws else None,
            )
            for i, j, kind in settled.claims.edges()
        ]
        annotations: dict[str, Json] = {"rows": len(values)}
        note = self._false_edges(len(names))
        if note:
            annotations["false_edges"] = note
        repairs = _repairs(settled, names)
        if repairs:
            annotations["repairs"] = repairs
        return CausalGraph(names, edges, annotations=annotations)

    def _found_in_halves(
        self,
        inputs: DiscoveryInputs,
        values: NDArray[np.float64],
        constraints: Constraints,
        rng: np.random.Generator,
    ) -> Counter[tuple[int, int, EdgeKind]]:
        """Count in how many random halves of the rows each edge is found."""
        draws = self.config.bootstrap
        found: Counter[tuple[int, int, EdgeKind]] = Counter()
        if not draws:
            return found
        with inputs.progress.task("search in halves", draws) as advance:
            for _ in range(draws):
                rows = rng.permutation(len(values))[: len(values) // 2]
                claims = self._search_informative(values[rows], constraints, rng)
                found.update(settle(claims, constraints).claims.edges())
                advance(1, "")
        return found

    def _search_informative(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        """Search the columns that vary and do not follow from others; no claims about the rest.

        All columns do in the whole data set, see ``observed``, but not in every half of it.
        """
        left_out = dependent_columns(values)
        kept = [column for column in range(values.shape[1]) if column not in left_out]
        if len(kept) < 2:
            return Claims(frozenset())
        claims = self._search(values[:, kept], constraints.among(kept), rng)
        return claims.placed(kept)


def observed(dataset: Dataset) -> NDArray[np.float64]:
    """Return the training images' concepts, ``[n, d]``.

    Raises
    ------
    CapabilityError
        If there are none.
    DataError
        If some are not finite, constant or linear functions of others, or there are too few images.
    """
    if dataset.train.concepts is None:
        raise CapabilityError("the training images come without measured concepts")
    values = dataset.train.concepts.detach().cpu().double().numpy()
    names = np.array(dataset.concept_names)
    if len(values) < 2 * values.shape[1] + 10:
        raise DataError(
            f"{len(values)} images are too few to find a graph of {len(names)} concepts"
        )
    if not np.isfinite(values).all():
        broken = ", ".join(names[~np.isfinite(values).all(axis=0)])
        raise DataError(f"concepts need a finite value for every training image: {broken}")
    require_independent(values, dataset.concept_names)
    return values


def without_units(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns ``[n, d]`` with mean 0 and sd 1, on which methods of causal discovery rely.

    Raises
    ------
    DataError
        If a column is not finite, constant or a linear function of others, or there are too few
        rows. All methods rest on what is left of a column when others are known, and would find
        edges in the rounding errors of nothing.
    """
    require_independent(values)
    return standardised(values)


def order_of_columns(values: NDArray[np.float64]) -> list[int]:
    """Return an order of columns ``[n, d]`` that depends on their values alone, not on their order.

    For methods that resolve contradictions in favour of what they meet first.
    """
    columns = standardised(values)
    correlated = ((columns.T @ columns / len(columns)) ** 2).sum(axis=0)
    third, fourth = np.abs((columns**3).mean(axis=0)), (columns**4).mean(axis=0)
    order: list[int] = np.lexsort((third, fourth, correlated)).tolist()
    return order


def tested_rows(
    values: NDArray[np.float64], rng: np.random.Generator, most: int
) -> NDArray[np.int64]:
    """Draw at most ``most`` rows for independence tests of kernels.

    All columns vary in them. They also do in the first hundred, from which the tests determine the
    width of their kernels: the width of a rare attribute would else be undefined.
    """
    rows = informative_rows(values, rng.permutation(len(values))[:most])
    first = informative_rows(values[rows], np.arange(min(_WIDTH_ROWS, len(rows))))
    return rows[np.r_[first, np.setdiff1d(np.arange(len(rows)), first)]]


def _repairs(settled: Settled, names: Sequence[str]) -> list[Json]:
    """Describe the changes of a method's claims."""

    def described(pairs: Iterable[Pair], say: str) -> list[str]:
        return [f"{names[i]} → {names[j]} {say}" for i, j in sorted(pairs)]

    return [
        *described(settled.added, "added, because it is required"),
        *described(settled.turned, "turned to this direction, the only one allowed"),
        *described(settled.dropped, "dropped, because every direction is forbidden or in a cycle"),
        *described(settled.loosened, "without direction, because it stood in a cycle"),
    ]
