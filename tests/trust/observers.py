"""Everything that finds graphs in tables of observed concepts, for the families about tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.graph import Edge
from causalxai.graph_discoverer import DiscoveryInputs, GraphDiscoverer
from causalxai_discovery.boss import Boss
from causalxai_discovery.direct_lingam import DirectLingam
from causalxai_discovery.ges import Ges
from causalxai_discovery.pc import Pc
from causalxai_discovery.random_order import RandomOrder
from causalxai_discovery.rcd import Rcd
from causalxai_discovery.resit import Resit
from causalxai_glance.edge_evidence import UNDETERMINED, UNDETERMINED_BOOLEAN
from causalxai_glance.scm import MdlScore, SearchProblem, margin, searchable

Values: TypeAlias = NDArray[np.float64]
Edges: TypeAlias = frozenset[tuple[str, str, str]]
"""Source, mark and target; of symmetric edges, the node with the smaller name is first."""
Find: TypeAlias = Callable[[Values, Sequence[str]], Edges]


def _with(discoverer: GraphDiscoverer) -> Find:
    def find(values: Values, names: Sequence[str]) -> Edges:
        n = len(values)
        split = Split(
            torch.zeros(n, 1, 1, 1), torch.zeros(n, dtype=torch.int64), torch.from_numpy(values)
        )
        graph = discoverer.discover(
            DiscoveryInputs(
                # Discoverers over observations do not use it.
                classifier=cast("Classifier", None),
                dataset=Dataset(split, split, ("x",), tuple(names)),
                rng=torch.Generator().manual_seed(0),
            )
        )
        return frozenset(_written(edge) for edge in graph.edges)

    return find


def _written(edge: Edge) -> tuple[str, str, str]:
    pair = edge.source, edge.target
    source, target = sorted(pair) if edge.kind.symmetric else pair
    return source, edge.kind.mark, target


def _in_labels(values: Values, names: Sequence[str]) -> Edges:
    """Return the best graph of the labels, with the directions that the discoverer would state."""
    score = MdlScore(searchable(values, names))
    margins = margin(SearchProblem(score.d, score))
    found = set()
    for (i, j), cost in margins.items():
        needed = UNDETERMINED_BOOLEAN if {i, j} <= score.boolean else UNDETERMINED
        a, b = names[i], names[j]
        stated = cost.reversed >= needed
        found.add((a, "→", b) if stated else (min(a, b), "—", max(a, b)))
    return frozenset(found)


OBSERVERS: Mapping[str, Find] = {
    "pc": _with(Pc(alpha=0.01)),
    "ges": _with(Ges()),
    "boss": _with(Boss(starts=5)),
    "direct-lingam": _with(DirectLingam()),
    "rcd": _with(Rcd(test_rows=200)),
    "resit": _with(Resit(test_rows=200)),
    "random-order": _with(RandomOrder()),
    "glance's label search": _in_labels,
}


@contextmanager
def warnings_are_errors() -> Iterator[None]:
    """Turn warnings of computations into errors; others come from the libraries' own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        yield
