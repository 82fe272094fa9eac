"""How often graphs of independent columns have an edge, by method and distribution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from causalxai_discovery.boss import discover_boss
from causalxai_discovery.claims import Claims
from causalxai_discovery.direct_lingam import discover_direct_lingam
from causalxai_discovery.ges import discover_ges
from causalxai_discovery.pc import discover_pc
from causalxai_discovery.rcd import discover_rcd
from causalxai_discovery.resit import discover_resit
from causalxai_glance.scm import MdlScore, SearchProblem, exact_search
from tests.trust.family import Case, Family

Values: TypeAlias = NDArray[np.float64]
HasEdge: TypeAlias = Callable[[Values, np.random.Generator], bool]

_SHAPE = (500, 4)
_LAWS: dict[str, Callable[[np.random.Generator], Values]] = {
    "exponential": lambda rng: rng.exponential(size=_SHAPE),
    "uniform": lambda rng: rng.random(_SHAPE),
    "normal": lambda rng: rng.normal(size=_SHAPE),
}


def _labels(values: Values, _: np.random.Generator) -> bool:
    score = MdlScore(values)
    return bool(exact_search(SearchProblem(score.d, score)))


def _any(claims: Claims) -> bool:
    return bool(list(claims.edges()))


_METHODS: dict[str, tuple[HasEdge, int]] = {
    "pc": (lambda x, _: _any(discover_pc(x)), 100),
    "ges": (lambda x, _: _any(discover_ges(x)), 100),
    "boss": (lambda x, rng: _any(discover_boss(x, rng)), 60),
    "direct-lingam": (lambda x, _: _any(discover_direct_lingam(x)), 100),
    "rcd": (lambda x, rng: _any(discover_rcd(x, rng)), 100),
    "resit": (lambda x, rng: _any(discover_resit(x, rng)), 5),
}
_AT_MOST_5: dict[str, tuple[HasEdge, int]] = {
    "glance": (_labels, 40),
    "pc, family-wise": (lambda x, _: _any(discover_pc(x, family_wise=True)), 200),
}


def _rate(
    has_edge: HasEdge,
    law: str,
    times: int,
    most: float | None,
    _: Path,
) -> str:
    rng = np.random.default_rng(times)
    count = sum(has_edge(_LAWS[law](rng), rng) for _ in range(times))
    test = stats.binomtest(count, times, most or 0.5, alternative="greater")
    told = f"{count} of {times} graphs have an edge"
    assert most is None or test.pvalue > 0.01, f"{told}, more than {most:.0%} by chance"
    interval = stats.binomtest(count, times).proportion_ci(0.95, method="wilson")
    return f"{told} (95 %: {interval.low:.1%} to {interval.high:.1%})"


def _cases() -> Iterator[Case]:
    for name, (has_edge, times) in _AT_MOST_5.items():
        for law in _LAWS:
            yield Case(f"{name}, {law}", partial(_rate, has_edge, law, times, 0.05))
    for name, (has_edge, times) in _METHODS.items():
        for law in _LAWS:
            yield Case(f"{name}, {law}", partial(_rate, has_edge, law, times, None))
    quick = partial(_rate, _AT_MOST_5["pc, family-wise"][0], "exponential", 20, 0.05)
    yield Case("pc, family-wise, in short", quick, quick=True)


FAMILY = Family(
    "false-edges",
    "GLANCE's search in the labels, and PC with family_wise, draw an edge in at most 5 % of graphs "
    "of independent concepts; the rates of the other methods are measured.",
    _cases,
)
