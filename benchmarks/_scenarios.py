"""Scenarios of graph discovery: where columns come from, and which graph is true.

``TI``, ``TID``, ``IT``, ``TS``, ``TSWI``
    Morpho's, in its corrected constants; ``TI-paper`` and so on, as the paper prints them.
``TI-mirror`` and so on
    The same pictures of dependence with all arrows turned around. Each concept is regressed on
    what were its *effects*, by kernel ridge regression in the rows of the scenario; then rows are
    drawn along the turned graph: roots keep their values, the others get the regression and a
    residual of another row. Names, units, ranges, means and nearly the correlations are those of
    the scenario, so whoever judges by names, by the order of columns or by the shape of a marginal
    claims the scenario's graph, which is wrong here throughout. All noise is additive, in the
    mirror image of TID too. Where a mirrored relation is nearly linear with nearly Gaussian noise
    (parts of TSWI), observations do not tell it from its reverse.
    On ``perceived`` and ``oracle`` TI, IT and TS have one, drawn by equations of its own.
``TI-sharp`` and so on
    Mirror images whose curves are splines of eight knots: they follow a saturating scenario's
    inverse more closely, TI's with two thirds of the noise. RESIT fits such curves itself, which
    favours it here.
``independent-2``, ``independent-4``
    Rows of TI, and of TSWI, with each column permuted anew for each subset: nothing causes
    anything.
``TI-blind`` and so on
    Read with features that are shuffled between images (on ``perceived``): nothing may be found.
``TI-twin`` and so on
    Read with a read-out that learned on images that the twin painted (on ``perceived``).
``TI-turned`` and so on
    The twin whose SCM layer has one edge turned around (on ``oracle``): does the oracle confirm the
    wrong edge? The truth is the scenario's.
``random-2`` to ``random-8``
    Random structural models, another one for each subset; see ``_random_models``. A pair is joined
    at even odds.
``growth-4`` to ``growth-50``
    The same with three neighbours a column on average, or fewer, however many columns there are.
``even-2`` to ``even-4``, ``uneven-2`` to ``uneven-4``
    Random structural models; in the latter the spread of each effect's noise depends on every
    cause. The two columns of ``even-2`` and ``uneven-2`` are always joined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import networkx as nx
import numpy as np
from _random_models import Edges, Values, random_model
from _worlds import (
    PICTURES,
    Rows,
    Settings,
    TwinView,
    readings,
    shuffled_perception,
    truth,
    twin_view,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from causalxai.seeding import derive_seed, torch_generator
from causalxai_datasets.morpho import Morpho
from causalxai_datasets.morpho.equations import graph_of, sample
from causalxai_datasets.morpho.scenarios import SCENARIOS, scenario_equations
from causalxai_glance.perception import Perception

MIRRORS = tuple(f"{name}-mirror" for name in SCENARIOS)
SHARP = tuple(f"{name}-sharp" for name in SCENARIOS)
PAPER = tuple(f"{name}-paper" for name in SCENARIOS if name != "TID")
BLIND = tuple(f"{name}-blind" for name in SCENARIOS)
PAINTED = tuple(f"{name}-twin" for name in SCENARIOS)
TURNED = tuple(f"{name}-turned" for name in SCENARIOS)
INDEPENDENT: Mapping[str, str] = {"independent-2": "TI", "independent-4": "TSWI"}
RANDOM = tuple(f"random-{d}" for d in range(2, 9))
GROWTH = tuple(f"growth-{d}" for d in (4, 6, 8, 10, 20, 50))
EVEN = tuple(f"even-{d}" for d in (2, 3, 4))
UNEVEN = tuple(f"uneven-{d}" for d in (2, 3, 4))
_NEIGHBOURS = 3

GROUPS: Mapping[str, tuple[str, ...]] = {
    "random": RANDOM,
    "growth": GROWTH,
    "even": EVEN,
    "uneven": UNEVEN,
    "mirrors": MIRRORS,
    "sharp": SHARP,
    "controls": (*MIRRORS, *SHARP, *INDEPENDENT, *BLIND, *TURNED),
    "painted": PAINTED,
    "paper": PAPER,
}
_MODELS = (*RANDOM, *GROWTH, *EVEN, *UNEVEN)
OF_THEIR_OWN = (*INDEPENDENT, *_MODELS)
"""Each subset of these has a model, or a permutation, of its own."""

NAMES = (
    *SCENARIOS, *PAPER, *MIRRORS, *SHARP, *INDEPENDENT, *RANDOM, *GROWTH, *EVEN, *UNEVEN, *BLIND,
    *PAINTED, *TURNED
)  # fmt: skip

_FEWEST_ROWS = 10_000
_FITTED_ROWS = 1000
# Of each training digit, where labels are measured on pictures.
_DRAWS = 3


@dataclass(frozen=True)
class Drawn:
    """A subset: columns ``[n, d]`` in causal order where it is a scenario's, and the truth."""

    values: Values
    edges: Edges
    beyond: TwinView | Perception | None = None
    """What else a method may look at, of the same concepts."""

    def shuffled(self, columns: Rows) -> Drawn:
        """Return the same with the columns in another order; ``edges`` as they were."""
        beyond = self.beyond
        if isinstance(beyond, TwinView):
            beyond = beyond.shuffled(columns)
        elif beyond is not None:
            beyond = shuffled_perception(beyond, columns)
        return Drawn(self.values[:, columns], self.edges, beyond)


def expand(names: list[str]) -> list[str]:
    """Replace the names of groups; keep the order, once each."""
    return list(dict.fromkeys(one for name in names for one in GROUPS.get(name, (name,))))


def draw_labels(name: str, n: int, seed: int, subset: int, labels: str = "set") -> Drawn:
    """Draw a subset of a scenario's labels, with replacement.

    Parameters
    ----------
    name
        Of ``NAMES``.
    n
        How many rows.
    seed, subset
        The pool of rows belongs to the seed, the subset to both.
    labels
        ``set``: what the equations give. ``measured``: what the rendered digits measure.
    """
    rng = np.random.default_rng(derive_seed(seed, "subset", name, str(n), str(subset)))
    if name in _MODELS:
        d = int(name.partition("-")[2])
        chance = min(0.5, _NEIGHBOURS / (d - 1)) if name in GROWTH else 0.5
        if name in (EVEN[0], UNEVEN[0]):
            chance = 1.0
        model = random_model(d, rng, chance, is_uneven=name in UNEVEN)
        return Drawn(model.sample(n, rng), model.edges)
    values, edges = _pool(INDEPENDENT.get(name, name), n, seed, labels)
    rows = values[rng.integers(len(values), size=n)]
    if name in INDEPENDENT:
        return Drawn(rng.permuted(rows, axis=0), frozenset())
    return Drawn(rows, edges)


def shows(name: str, on: str) -> bool:
    """Tell whether a scenario has what methods of a kind look at."""
    if on == "labels":
        return name not in (*BLIND, *PAINTED, *TURNED)
    if name in (*_MODELS, *SHARP, *PAPER):
        return False
    if on == "oracle":
        return name in (*PICTURES, *TURNED)
    return name in (*PICTURES, *BLIND, *PAINTED)


def draw_world(name: str, on: str, n: int, seed: int, subset: int, settings: Settings) -> Drawn:
    """Draw a subset of what a classifier perceives, or of what its twin answers.

    Parameters
    ----------
    name
        Of ``NAMES``, where ``shows`` says so.
    on
        ``perceived`` or ``oracle``.
    n
        How many readings, or labels.
    seed, subset
        The classifier, the read-out and the twin belong to the seed, the subset to both.
    settings
        How they are made.
    """
    rng = np.random.default_rng(derive_seed(seed, "subset", on, name, str(n), str(subset)))
    scenario, _, kind = name.partition("-")
    scenario = name if name in PICTURES else scenario
    if on == "oracle":
        twin = twin_view(scenario, seed, settings, turned=name in TURNED).subset(n, rng)
        return Drawn(twin.labels, truth(scenario), twin)
    kind = kind if name in (*BLIND, *PAINTED) else "dataset"
    perception = readings(scenario, seed, settings, kind)
    some = perception[rng.integers(len(perception.values), size=n)]
    edges = frozenset() if kind == "blind" else truth(scenario)
    return Drawn(some.values, edges, some)


@cache
def _pool(name: str, n: int, seed: int, labels: str) -> tuple[Values, Edges]:
    base, _, turned = name.partition("-")
    if turned not in CURVES:
        return _scenario(name, n, seed, labels)
    values, edges = _scenario(base, n, seed, labels)
    rng = np.random.default_rng(derive_seed(seed, "pool", name))
    return mirror(values, edges, CURVES[turned], rng)


def _scenario(name: str, n: int, seed: int, labels: str) -> tuple[Values, Edges]:
    scenario = name.removesuffix("-paper")
    variant = "corrected" if scenario == name else "paper"
    equations = scenario_equations(scenario, variant)
    graph = graph_of(equations)
    edges = frozenset(
        (graph.nodes.index(edge.source), graph.nodes.index(edge.target)) for edge in graph.edges
    )
    if labels == "set":
        rows = max(_FEWEST_ROWS, 10 * n)
        rng = np.random.default_rng(derive_seed(seed, "labels", name))
        return sample(equations, rows, rng)[0], edges
    morpho = Morpho(scenario=scenario, variant=variant, draws=_DRAWS)
    measured = morpho.load(rng=torch_generator(seed, "labels", name)).train.concepts
    assert measured is not None
    return measured.double().numpy(), edges


def mirror(
    values: Values, edges: Edges, regression: Callable[[], Any], rng: np.random.Generator
) -> tuple[Values, Edges]:
    """Return columns of the same look that come about along the turned edges, and these.

    Parameters
    ----------
    values
        ``[n, d]``, standing in any order.
    edges
        i → j, without cycles.
    regression
        Makes a scikit-learn regressor for standardised columns.
    rng
        Which residual goes to which row.
    """
    turned = frozenset((j, i) for i, j in edges)
    scale = StandardScaler().fit(values)
    seen = scale.transform(values)
    drawn = seen.copy()
    for j in nx.topological_sort(nx.DiGraph(turned)):
        causes = sorted(i for i, effect in turned if effect == j)
        if causes:
            some = slice(None, None, max(1, len(seen) // _FITTED_ROWS))
            curve = regression().fit(seen[some][:, causes], seen[some, j])
            residual = rng.permutation(seen[:, j] - curve.predict(seen[:, causes]))
            drawn[:, j] = curve.predict(drawn[:, causes]) + residual
    return scale.inverse_transform(drawn), turned


CURVES: Mapping[str, Callable[[], Any]] = {
    "mirror": lambda: KernelRidge(alpha=0.1, kernel="rbf", gamma=0.5),
    "sharp": lambda: make_pipeline(
        SplineTransformer(n_knots=8, knots="quantile", extrapolation="linear"), LinearRegression()
    ),
}
