"""Each method on arrays whose graph is known, in every order of the columns."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from causalxai.errors import DataError
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai_discovery.boss import discover_boss
from causalxai_discovery.causal_learn import causal_learn, claims_of
from causalxai_discovery.claims import Claims, settle
from causalxai_discovery.constraints import Constraints
from causalxai_discovery.direct_lingam import discover_direct_lingam
from causalxai_discovery.ges import discover_ges
from causalxai_discovery.pc import discover_pc
from causalxai_discovery.random_order import _p_values, discover_random_order
from causalxai_discovery.rcd import discover_rcd
from causalxai_discovery.resit import discover_resit


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def collider(n: int = 600) -> np.ndarray:
    """0 → 2 ← 1, 2 → 3: an equivalence class of one."""
    noise = rng().exponential(size=(n, 4))
    a, b = noise[:, 0], noise[:, 1]
    c = a + b + 0.5 * noise[:, 2]
    return np.stack([a, b, c, c + noise[:, 3]], axis=1)


def relabelled(edges: set[tuple[int, int]], columns: tuple[int, ...]) -> frozenset:
    return frozenset((columns.index(i), columns.index(j)) for i, j in edges)


COLLIDER = {(0, 2), (1, 2), (2, 3)}
METHODS = {
    "ges": discover_ges,
    "pc": lambda values, known=None: discover_pc(values, known, alpha=0.01),
    "direct-lingam": discover_direct_lingam,
    "resit": lambda values, known=None: discover_resit(values, rng(), known, test_rows=300),
}


ALL_METHODS = {
    **METHODS,
    "boss": lambda values: discover_boss(values, rng(), starts=3),
    "rcd": lambda values: discover_rcd(values, rng(), test_rows=300),
    "random-order": lambda values: discover_random_order(values, rng()),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("columns", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)], ids=str)
def test_a_collider_is_found_whatever_the_order_of_columns(method, columns):
    claims = method(collider()[:, columns])
    assert claims == Claims(relabelled(COLLIDER, columns))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_independent_columns_have_no_edge(method):
    assert method(rng(1).normal(size=(400, 3))) == Claims(frozenset())


@pytest.mark.parametrize("method", [discover_ges, discover_pc])
def test_a_chain_is_left_open_and_knowledge_opens_it(method):
    noise = rng().normal(size=(500, 3))
    a = noise[:, 0]
    b = a + noise[:, 1]
    values = np.stack([a, b, b + noise[:, 2]], axis=1)
    assert method(values) == Claims(frozenset(), frozenset(map(frozenset, [(0, 1), (1, 2)])))
    known = Constraints.of(BackgroundKnowledge(required=(("a", "b"),)), "abc")
    assert settle(method(values, known), known).claims == Claims(frozenset({(0, 1), (1, 2)}))
    known = Constraints.of(BackgroundKnowledge(tiers=(("c",), ("b",))), "abc")
    assert settle(method(values, known), known).claims.directed == {(2, 1), (1, 0)}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_wrong_tier_turns_the_effect_around(method):
    values = collider()[:, [0, 2]]
    known = Constraints.of(
        BackgroundKnowledge(tiers=(("effect",), ("cause",))), ["cause", "effect"]
    )
    assert settle(method(values, known), known).claims == Claims(frozenset({(1, 0)}))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_forbidden_edge_keeps_the_cause_where_a_detour_is_open(method):
    known = Constraints.of(BackgroundKnowledge(forbidden=(("a", "d"),)), "abcd")
    assert settle(method(collider(), known), known).claims == Claims(frozenset(COLLIDER))


def test_the_end_points_of_causal_learn():
    matrix = np.zeros((5, 5), dtype=int)
    matrix[1, 0], matrix[0, 1] = 1, -1
    matrix[2, 3], matrix[3, 2] = 1, -1
    matrix[1, 2] = matrix[2, 1] = -1
    matrix[3, 4] = matrix[4, 3] = 1
    expected = Claims(frozenset({(0, 1), (3, 2)}), frozenset(map(frozenset, [(1, 2), (3, 4)])))
    assert claims_of(matrix) == expected


def test_kernels_see_what_correlations_miss():
    x = rng().uniform(-1, 1, 200)
    values = np.stack([x, x**2 + 0.05 * rng(1).normal(size=200)], axis=1)
    assert discover_pc(values) == Claims(frozenset())
    assert discover_pc(values, test="kci") == Claims(frozenset(), frozenset({frozenset((0, 1))}))


def test_resit_finds_direction_in_curvature_where_noise_is_gaussian():
    x = rng().normal(size=500)
    values = np.stack([x + x**3 / 3 + rng(1).normal(size=500), x], axis=1)
    assert discover_resit(values, rng(), test_rows=500) == Claims(frozenset({(1, 0)}))


def test_resit_leaves_required_parents_in():
    known = Constraints.of(BackgroundKnowledge(required=(("a", "b"),)), "ab")
    found = discover_resit(rng(1).normal(size=(300, 2)), rng(), known, test_rows=100)
    assert found == Claims(frozenset({(0, 1)}))


def test_lingams_edges_are_those_of_the_library():
    values = stats.zscore(collider())
    model = causal_learn("search.FCMBased.lingam").DirectLiNGAM().fit(values)
    targets, sources = np.nonzero(model.adjacency_matrix_)
    expected = set(zip(sources.tolist(), targets.tolist(), strict=True))
    assert discover_direct_lingam(values).directed == expected


def test_random_orders_are_all_drawn_and_keep_the_skeleton():
    values = collider()[:, [0, 2, 3]]
    found = [discover_random_order(values, rng(seed)) for seed in range(40)]
    assert {claims.directed for claims in found} >= {frozenset({(0, 1), (1, 2)})}
    directions = {pair for claims in found for pair in claims.directed}
    assert directions >= {(0, 1), (1, 0), (1, 2), (2, 1)}
    known = Constraints.of(BackgroundKnowledge(tiers=(("a",), ("b",), ("c",))), "abc")
    for seed in range(20):
        assert discover_random_order(values, rng(seed), known).directed == {(0, 1), (1, 2)}


def test_p_values_are_those_of_a_simple_regression():
    x, noise = rng().normal(size=(2, 50))
    y = 0.3 * x + noise
    assert _p_values(x[:, None], y) == pytest.approx(stats.linregress(x, y).pvalue)


def chain(n: int = 600) -> np.ndarray:
    """0 → 1 → 2 with uniform noise."""
    a, b, c = rng(0).uniform(-1, 1, (3, n))
    return np.stack([a, a + 0.5 * b, a + 0.5 * b + 0.5 * c], axis=1)


@pytest.mark.parametrize("method", ALL_METHODS.values(), ids=ALL_METHODS)
@pytest.mark.parametrize(
    "follows",
    [
        lambda a, b: a,
        lambda a, b: a + b,
        lambda a, b: 1e6 - 3e-6 * a,
        lambda a, b: np.ones_like(a),
        lambda a, b: (a + b).astype(np.float32),
        lambda a, b: (a + 1000).astype(np.float32),
    ],
    ids=["duplicate", "sum", "other units", "constant", "float32", "float32 with an offset"],
)
def test_columns_that_follow_from_others_are_refused(method, follows):
    values = chain()
    last = follows(values[:, 0], values[:, 1])
    with pytest.raises(DataError, match=r"column 3 (is a linear function|has the same value)"):
        method(np.column_stack([values, last]))


@pytest.mark.parametrize("method", ALL_METHODS.values(), ids=ALL_METHODS)
def test_one_column_that_says_each_of_three_kinds_is_refused(method):
    kind = rng().integers(3, size=300)
    values = np.column_stack([kind == 0, kind == 1, kind == 2]).astype(float)
    with pytest.raises(DataError, match="column 2 is a linear function of column 0 and column 1"):
        method(values)


@pytest.mark.parametrize("method", ALL_METHODS.values(), ids=ALL_METHODS)
@pytest.mark.parametrize(
    ("units", "shift"),
    [((1e3, 1e-3, 1), 0), ((1e6, 1e-6, 1), 0), ((-1, 1, -2), 0), ((1, 2, 3), 1e5)],
    ids=str,
)
def test_units_and_offsets_change_nothing(method, units, shift):
    values = chain()
    assert method(values * units + shift) == method(values)


@pytest.mark.parametrize("method", ALL_METHODS.values(), ids=ALL_METHODS)
def test_units_of_any_size_are_bearable(method):
    assert method(chain() * (1e300, 1e-300, 1)) == method(chain())


def test_lingam_needs_no_units():
    values = chain() * (1e6, 1e-6, 1)
    assert discover_direct_lingam(values) == Claims(frozenset({(0, 1), (1, 2)}))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", ALL_METHODS.values(), ids=ALL_METHODS)
def test_a_rare_attribute_has_no_edge_without_cause(method):
    """Two images of 600 have it, which the first hundred of a kernel's rows would lack."""
    values = np.column_stack([chain()[:, :2], np.arange(600) < 2])
    found = method(values)
    assert {frozenset(pair) for pair in (*found.directed, *found.undirected)} == {frozenset({0, 1})}


def test_resit_finds_no_edge_of_an_attribute_that_two_images_have():
    for seed in range(20):
        a = rng(seed).uniform(-1, 1, 300)
        rare = rng(seed).permutation(300) < 2
        values = np.column_stack([a, rare, a + 0.5 * rng(seed + 1).uniform(-1, 1, 300)])
        pairs = discover_resit(values, rng(), test_rows=200).directed
        assert {frozenset(pair) for pair in pairs} == {frozenset({0, 2})}


@pytest.mark.parametrize("method", ALL_METHODS.values(), ids=ALL_METHODS)
def test_one_column_has_no_edge(method):
    assert method(chain()[:, :1]) == Claims(frozenset())


def test_claims_unpack():
    directed, undirected, bidirected = discover_ges(collider()[:, [0, 2]])
    assert (set(directed), set(undirected)) == (set(), {frozenset((0, 1))})
    assert not bidirected


def test_any_order_of_columns_means_the_same_to_an_equivalence_class():
    values = collider()
    for columns in permutations(range(4)):
        assert discover_ges(values[:, columns]).directed == relabelled(COLLIDER, columns)
        assert all(
            frozenset(pair) not in discover_pc(values[:, columns], alpha=0.01).undirected
            for pair in combinations(range(4), 2)
        )


def test_colliders_that_contradict_each_other_do_not_depend_on_the_order_of_columns():
    """Of 50 small tables with many edges, the library's graph depends on the order in some."""
    noise, weights = rng(0).normal(size=(50, 120, 5)), rng(1).normal(size=(50, 5, 5))
    for cause, own in zip(weights, noise, strict=True):
        values = own @ np.linalg.inv(np.eye(5) - np.triu(cause, 1))
        for columns in ((4, 3, 2, 1, 0), (2, 0, 4, 1, 3)):
            turned = discover_pc(values[:, columns], alpha=0.2).placed(columns)
            assert turned == discover_pc(values, alpha=0.2)
