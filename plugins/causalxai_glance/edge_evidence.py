"""The evidence for each edge from labels, oracle and perception, never averaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.intervals import widened
from causalxai.storage.record import Json
from causalxai_glance.perception_evidence import perception_findings, verdict
from causalxai_glance.scm import Pair

Values = NDArray[np.float64]

UNDETERMINED = 5.0
"""A direction that gains fewer nats than this is undetermined: ½ log n for thousands of labels."""

UNDETERMINED_BOOLEAN = 3.0
"""The same limit between boolean concepts.

Any graph of boolean concepts can be reversed at the cost of one more edge, ½ log n, so that no
direction is worth much more than 4 nats with 5 000 labels. At a limit of 3 nats, none of 98
directions was wrong on the cartoon faces."""

FALSE_EDGES = (
    "Of 280 graphs of four independent concepts with 500 images, none had an edge in the labels "
    "(measured: 200 with exponential, 40 with uniform and 40 with normal concepts)."
)
"""How often the search in the labels draws an edge between independent concepts."""


@dataclass(frozen=True)
class EdgeEvidence:
    """The three kinds of evidence for edges between ``k`` named concepts.

    Parameters
    ----------
    names
        The concepts.
    labelled
        The edges of the graph that was found in the labels.
    required
        Edges that the user's background knowledge demands, whatever the oracle says.
    margins
        For each labelled edge, the nats that its absence and its reversal would cost.
    oriented
        The labelled edges whose direction is determined by the labels or by the user's background
        knowledge. The others could be reversed in a graph that describes the labels equally or
        nearly as well.
    doubtful
        The labelled edges whose direction is not determined because the spread of the noise may
        depend on the causes.
    weights
        ``[k, k]``, the oracle's direct edge weights.
    spread
        ``[r, k, k]``, the same weights in ``r`` bootstrap resamples of the units.
    label_frequency
        ``[k, k]``, the share of resamples of the labels in which each edge is found; NaN if the
        labels were not resampled.
    threshold
        T.
    units
        The number of units.
    unfaithful
        Indices of the concepts for which the twin does not obey do(), or whose value is not read
        back well from its images.
    perceived
        The graph of perceived directions, or ``None`` if perception was not used.
    """

    names: tuple[str, ...]
    labelled: frozenset[Pair]
    required: frozenset[Pair]
    margins: Mapping[Pair, tuple[float, float]]
    oriented: frozenset[Pair]
    doubtful: frozenset[Pair]
    weights: Values
    spread: Values
    label_frequency: Values
    threshold: float
    units: int
    unfaithful: frozenset[int]
    perceived: CausalGraph | None

    def edges(self) -> Iterator[Edge]:
        """Yield the labelled edges that the oracle confirms or the user requires."""
        for i, j in sorted(self.labelled):
            if self.confirmed(i, j) or (i, j) in self.required:
                yield self._edge(i, j)

    def findings(self) -> dict[str, Json]:
        """Return, for the graph's annotations, the pairs that are reported but are not edges."""
        k = len(self.names)
        unsure = {(i, j) for i, j in self.labelled if not self._faithful(i, j)}
        missing = {(i, j) for i, j in self.labelled - unsure if not self.confirmed(i, j)}
        extra = {
            (i, j)
            for i in range(k)
            for j in range(k)
            if i != j and (i, j) not in self.labelled and self.confirmed(i, j)
        }
        findings: dict[str, Json] = {
            "threshold": self.threshold,
            "not_perceived": self._listed(missing),
            "perceived_only": self._listed(extra),
            "undetermined": self._listed(self.labelled - self.oriented - self.doubtful),
            "uneven_noise": self._listed(self.doubtful),
            "unconfirmed": self._listed(unsure),
            "unfaithful": [self.names[i] for i in sorted(self.unfaithful)],
        }
        if self.perceived is not None:
            findings |= perception_findings(self.perceived)
        return findings

    def _faithful(self, i: int, j: int) -> bool:
        return not {i, j} & self.unfaithful

    def confirmed(self, i: int, j: int) -> bool:
        """Return whether the oracle confirms i → j."""
        pair = frozenset({(i, j)})
        return bool(confirmed_edges(pair, self.weights, self.unfaithful, self.threshold))

    def _edge(self, i: int, j: int) -> Edge:
        ends = np.quantile(self.spread[:, i, j], (0.025, 0.975))
        low, high = widened(ends, self.weights[i, j], self.units)
        absent, backward = self.margins[i, j]
        share = float(self.label_frequency[i, j])
        margins = {"nats_over_none": absent, "nats_over_reverse": backward}
        # Changing an edge that the user requires or forbids has an infinite cost, stored as null.
        confirmed = np.abs(self.spread[:, i, j]) > self.threshold
        evidence: dict[str, Json] = {
            **{name: nats if np.isfinite(nats) else None for name, nats in margins.items()},
            "confirmed": float(confirmed.mean()),
        }
        if self.perceived is not None:
            evidence["perception"] = verdict(self.perceived, self.names[i], self.names[j]).value
        return Edge(
            self.names[i],
            self.names[j],
            EdgeKind.DIRECTED if (i, j) in self.oriented else EdgeKind.UNDIRECTED,
            weight=float(self.weights[i, j]),
            frequency=None if np.isnan(share) else share,
            low=float(low),
            high=float(high),
            annotations={"evidence": evidence},
        )

    def _listed(self, pairs: Iterable[Pair]) -> list[Json]:
        return [
            {
                "source": self.names[i],
                "target": self.names[j],
                "weight": float(self.weights[i, j]),
            }
            for i, j in sorted(pairs)
        ]


def confirmed_edges(
    labelled: frozenset[Pair], weights: Values, unfaithful: frozenset[int], threshold: float
) -> frozenset[Pair]:
    """Return the edges among ``labelled`` that the oracle confirms; see `EdgeEvidence`."""
    return frozenset(
        (i, j) for i, j in labelled if not {i, j} & unfaithful and abs(weights[i, j]) > threshold
    )


def share_of_each_pair(found: Sequence[frozenset[Pair]], k: int) -> Values:
    """Return, ``[k, k]``, the share of searches that found each edge; NaN without any search."""
    share = np.full((k, k), np.nan)
    if found:
        share = np.array([[np.mean([(i, j) in e for e in found]) for j in range(k)]
                          for i in range(k)])  # fmt: skip
    return share
