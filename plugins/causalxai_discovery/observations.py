"""What discoverers over observed concepts share: reading them, and building the graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from causalxai.context import Context
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.graph import CausalGraph, Edge
from causalxai.graph_discoverer import DiscovererConfig, GraphDiscoverer
from causalxai.seeding import numpy_generator
from causalxai_discovery.claims import Claims, Settled, settle
from causalxai_discovery.constraints import Constraints, Pair

Search: TypeAlias = Callable[[NDArray[np.float64]], Claims]


class ObservationsConfig(DiscovererConfig):
    """Settings that every discoverer over observations has.

    Parameters
    ----------
    bootstrap
        How often to search again in a random half of the rows. An edge's ``frequency`` is the
        share of these searches that claim it in this direction; 0 gives none. The halves are drawn
        without replacement: rows that stand twice look like more evidence, and bring edges.
    """

    bootstrap: int = Field(default=0, ge=0)


class ObservationDiscoverer(GraphDiscoverer, ABC):
    """Searches the training images' observed concepts; the classifier is not asked.

    The graph has directed edges only. Pairs whose direction the method leaves open are kept as
    text in ``meta["undirected"]``, as ``"a — b; c — d"``, and shown in the report. What had to be
    done to the method's claims for background knowledge, or against cycles, is in
    ``meta["repairs"]``.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"observations"})
    says: ClassVar[Mapping[str, str]] = {
        "undirected": "Neighbours whose direction these observations leave open",
        "repairs": "Changed to keep to background knowledge, or to have no cycle",
    }
    """How the report introduces an entry of the graph's ``meta``."""

    class Config(ObservationsConfig):
        """Settings of an ``ObservationDiscoverer``."""

    config: ObservationsConfig

    @abstractmethod
    def _search(
        self, values: NDArray[np.float64], constraints: Constraints, rng: np.random.Generator
    ) -> Claims:
        """Return what the method claims of columns ``[n, d]``; ``settle`` has the last word."""

    def _search_and_tell(
        self,
        values: NDArray[np.float64],
        names: Sequence[str],  # noqa: ARG002
        constraints: Constraints,
        rng: np.random.Generator,
    ) -> tuple[Claims, dict[str, str]]:
        """Return the claims and, for ``meta``, what else there is to say, by a key of ``says``."""
        return self._search(values, constraints, rng), {}

    def _discover(self, context: Context) -> CausalGraph:
        rng = numpy_generator(context.rng)
        names = context.dataset.concept_names
        constraints = Constraints.of(self.config.background, names)
        values = observed(context.dataset)
        claims, more = self._search_and_tell(values, names, constraints, rng)
        settled = settle(claims, constraints)
        frequency = self._frequencies(context, values, constraints, rng)
        meta: dict[str, str | float] = {"rows": len(values), **more}
        if settled.claims.undirected:
            pairs = sorted(sorted(pair) for pair in settled.claims.undirected)
            meta["undirected"] = "; ".join(f"{names[i]} — {names[j]}" for i, j in pairs)
        repairs = _repairs(settled, names)
        if repairs:
            meta["repairs"] = repairs
        edges = [
            Edge(names[i], names[j], frequency=None if frequency is None else frequency[i, j])
            for i, j in sorted(settled.claims.directed)
        ]
        return CausalGraph(names, edges, meta=meta)

    def _frequencies(
        self,
        context: Context,
        values: NDArray[np.float64],
        constraints: Constraints,
        rng: np.random.Generator,
    ) -> Counter[Pair] | dict[Pair, float] | None:
        draws = self.config.bootstrap
        if not draws:
            return None
        found: Counter[Pair] = Counter()
        with context.progress.task("search in halves", draws) as advance:
            for _ in range(draws):
                rows = rng.permutation(len(values))[: len(values) // 2]
                claims = self._search_varying(values[rows], constraints, rng)
                found.update(settle(claims, constraints).claims.directed)
                advance(1, "")
        d = values.shape[1]
        return {(i, j): found[i, j] / draws for i in range(d) for j in range(d)}

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
        return Claims(
            frozenset((varying[i], varying[j]) for i, j in claims.directed),
            frozenset(frozenset(varying[i] for i in pair) for pair in claims.undirected),
        )


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


def _repairs(settled: Settled, names: Sequence[str]) -> str:
    """Tell what was done to a method's claims."""

    def listed(pairs: Iterable[Pair], say: str) -> list[str]:
        return [f"{names[i]} → {names[j]} {say}" for i, j in sorted(pairs)]

    return "; ".join(
        [
            *listed(settled.added, "added, because it is required"),
            *listed(settled.turned, "turned to this direction, the only one allowed"),
            *listed(settled.dropped, "dropped, because every direction is forbidden or in a cycle"),
            *listed(settled.loosened, "without direction, because it stood in a cycle"),
        ]
    )
