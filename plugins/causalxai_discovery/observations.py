"""What discoverers over observed concepts share: reading them, and building the graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai.capabilities import Capability
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json
from causalxai_discovery.claims import Claims, Settled, settle
from causalxai_discovery.constraints import Constraints, Pair

Search: TypeAlias = Callable[[NDArray[np.float64]], Claims]


class ObservationsConfig(DiscovererConfig):
    """Settings that every discoverer over observations has.

    Parameters
    ----------
    bootstrap
        How often to search again in a random half of the rows. An edge's ``frequency`` is the
        share of these searches that claim it with these marks; 0 gives none. The halves are drawn
        without replacement: rows that stand twice look like more evidence, and bring edges.
    """

    bootstrap: int = Field(default=0, ge=0)


class ObservationDiscoverer(GraphDiscoverer, ABC):
    """Searches the training images' observed concepts; the classifier is not asked.

    Pairs whose direction the method leaves open are undirected edges of the graph, pairs with a
    common cause that nobody observed are bidirected ones. What had to be done to the method's
    claims for background knowledge, or against cycles, is in ``annotations["repairs"]``, a list
    of texts.
    """

    requires = frozenset({Capability.OBSERVATIONS})

    class Config(ObservationsConfig):
        """Settings of an ``ObservationDiscoverer``."""

    config: ObservationsConfig

    @abstractmethod
    def _search(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        """Return what the method claims of columns ``[n, d]``; ``settle`` has the last word."""

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        rng = numpy_generator(inputs.rng)
        names = inputs.dataset.concept_names
        constraints = Constraints.of(self.config.background, names)
        values = observed(inputs.dataset)
        settled = settle(self._search(values, constraints, rng), constraints)
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
                claims = self._search_varying(values[rows], constraints, rng)
                found.update(settle(claims, constraints).claims.edges())
                advance(1, "")
        return found

    def _search_varying(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        """Search the columns that vary; the others, which are rare in all rows, have no claims."""
        varying = np.flatnonzero(np.ptp(values, axis=0) > 0).tolist()
        if len(varying) == values.shape[1]:
            return self._search(values, constraints, rng)
        if len(varying) < 2:
            return Claims(frozenset())
        claims = self._search(values[:, varying], constraints.among(varying), rng)
        return claims.placed(varying)


def observed(dataset: Dataset) -> NDArray[np.float64]:
    """Return the training images' concepts, ``[n, d]``.

    Raises
    ------
    CapabilityError
        If there are none.
    DataError
        If some are not finite, never vary, or there are too few images to tell anything.
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
    constant = np.ptp(values, axis=0) == 0
    if constant.any():
        raise DataError(
            f"every training image has the same {', '.join(names[constant])}, which says nothing "
            "of causes: leave it out of the data set's concepts"
        )
    return values


def _repairs(settled: Settled, names: Sequence[str]) -> list[Json]:
    """Tell what was done to a method's claims."""

    def told(pairs: Iterable[Pair], say: str) -> list[str]:
        return [f"{names[i]} → {names[j]} {say}" for i, j in sorted(pairs)]

    return [
        *told(settled.added, "added, because it is required"),
        *told(settled.turned, "turned to this direction, the only one allowed"),
        *told(settled.dropped, "dropped, because every direction is forbidden or in a cycle"),
        *told(settled.loosened, "without direction, because it stood in a cycle"),
    ]
