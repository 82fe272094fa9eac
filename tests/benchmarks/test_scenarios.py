"""What the benchmark of graph discovery counts, and what it draws."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import networkx as nx
import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scores(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("_scores")


@pytest.fixture
def scenarios(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("_scenarios")


def graph(*directed: tuple[int, int], open_pairs: tuple[tuple[int, int], ...] = ()):
    """Return what ``Found`` takes: directed edges, and pairs without direction."""
    return frozenset(directed), frozenset(map(frozenset, open_pairs))


TRUTH = frozenset({(0, 1), (1, 2)})


@pytest.mark.parametrize(
    ("found", "index", "shd", "false"),
    [
        (graph((0, 1), (1, 2)), 1, 0, 0),
        (graph(), 3 / 5, 2, 0),
        (graph(open_pairs=((0, 1), (1, 2))), 3 / 5, 2, 0),
        (graph((1, 0), (1, 2)), 3 / 5, 1, 0),
        (graph((0, 1), (1, 2), (0, 2)), 4 / 5, 1, 1),
        (graph((0, 1), (1, 2), open_pairs=((0, 2),)), 4 / 5, 1, 1),
        (graph((1, 0), (2, 1), (2, 0)), 0, 3, 1),
    ],
)
def test_scores_by_hand(scores, found, index, shd, false):
    claimed = scores.Found(*found)
    assert scores.index(claimed, TRUTH, 3) == pytest.approx(index)
    assert scores.shd(claimed, TRUTH) == shd
    assert scores.false_edge_rate(claimed, TRUTH, 3) == false


def test_an_equivalence_class_of_one_edge_scores_as_in_the_paper(scores):
    truth = frozenset({(0, 1)})
    assert scores.index(scores.Found(*graph(open_pairs=((0, 1),))), truth, 2) == pytest.approx(
        2 / 3
    )
    assert scores.index(scores.Found(*graph((1, 0))), truth, 2) == pytest.approx(1 / 3)


def test_agreement_is_over_all_pairs(scores):
    one, other = scores.Found(*graph((0, 1))), scores.Found(*graph((1, 0), (1, 2)))
    assert scores.agreement([one, one], 3) == 1
    assert scores.agreement([one, other], 3) == pytest.approx(1 / 3)
    assert scores.agreement([one, one, other], 3) == pytest.approx((1 + 2 / 3) / 3)


def test_a_subset_is_the_same_whoever_asks(scenarios):
    first = scenarios.draw_labels("TS", 50, 0, 1)
    again = scenarios.draw_labels("TS", 50, 0, 1)
    other = scenarios.draw_labels("TS", 50, 0, 2)
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    assert first.edges == {(0, 1)}


@pytest.mark.parametrize("name", ["TI-mirror", "TSWI-mirror", "TS-sharp"])
def test_a_mirror_image_turns_arrows_and_keeps_the_look(scenarios, name):
    straight = scenarios.draw_labels(name.split("-")[0], 4000, 0, 0)
    turned = scenarios.draw_labels(name, 4000, 0, 0)
    assert turned.edges == {(j, i) for i, j in straight.edges}
    ratio = turned.values.std(axis=0) / straight.values.std(axis=0)
    assert ratio == pytest.approx(1, abs=0.06)
    shift = (turned.values - straight.values).mean(axis=0) / straight.values.std(axis=0)
    assert shift == pytest.approx(0, abs=0.1)
    correlations = np.corrcoef(turned.values.T) - np.corrcoef(straight.values.T)
    assert np.abs(correlations).max() < 0.1


def test_noise_in_a_mirror_image_is_independent_of_the_turned_causes(scenarios):
    drawn = scenarios.draw_labels("TS-sharp", 4000, 0, 0)
    thickness, slant = drawn.values.T
    assert drawn.edges == {(1, 0)}
    fit = np.polynomial.Polynomial.fit(slant, thickness, 9)
    residual = thickness - fit(slant)
    thirds = np.digitize(slant, np.quantile(slant, [1 / 3, 2 / 3]))
    spread = [residual[thirds == third].std() for third in range(3)]
    assert max(spread) / min(spread) < 1.1


@pytest.mark.parametrize("name", ["independent-2", "independent-4"])
def test_independent_columns_are_uncorrelated(scenarios, name):
    drawn = scenarios.draw_labels(name, 2000, 0, 0)
    d = int(name[-1])
    assert drawn.values.shape == (2000, d)
    assert drawn.edges == frozenset()
    assert np.abs(np.corrcoef(drawn.values.T) - np.eye(d)).max() < 0.1


@pytest.mark.parametrize("d", [2, 5, 8])
def test_random_models_are_acyclic_and_differ(scenarios, d):
    drawn = [scenarios.draw_labels(f"random-{d}", 100, 0, subset) for subset in range(12)]
    assert len({model.edges for model in drawn}) > 1
    for model in drawn:
        assert model.values.shape == (100, d)
        assert np.isfinite(model.values).all()
        assert nx.is_directed_acyclic_graph(nx.DiGraph(model.edges))


def test_groups_of_scenarios_expand_in_order_and_once(scenarios):
    random = [f"random-{d}" for d in range(2, 9)]
    assert scenarios.expand(["TI", "random", "random-3", "TI"]) == ["TI", *random]
    assert set(scenarios.expand(list(scenarios.GROUPS))) <= set(scenarios.NAMES)
