from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from causalxai_glance.perception import ConvolvedScore
from causalxai_glance.perception.climbing import complete_graphs
from causalxai_glance.perception.convolved import PARTS

Values = NDArray[np.float64]


def chain(n: int, error: float, draws: int) -> tuple[Values, Values]:
    """Return readings of a → b → c, all linear and normal, and draws of their errors."""
    rng = np.random.default_rng(2)
    a = rng.normal(size=n)
    b = a + 0.5 * rng.normal(size=n)
    c = b + 0.3 * rng.normal(size=n)
    readings = np.stack([a, b, c], axis=1) + error * rng.normal(size=(n, 3))
    return readings, error * rng.normal(size=(n, draws, 3))


def test_length_agrees_with_the_density_of_a_normal_distribution() -> None:
    """Linear and normal: readings are normal, of the concepts' covariance plus the errors'."""
    n, error = 1500, 0.3
    readings, errors = chain(n, error, 80)
    a, b, c = 1.0, 1.25, 1.34
    truth = np.array([[a, a, a], [a, b, b], [a, b, c]]) + error**2 * np.eye(3)
    density = stats.multivariate_normal(np.zeros(3), truth).logpdf(readings).sum()
    constants = 0.5 * np.log(n) * (1 + 1 + 3 * (4 + 2 + 2) - 3)
    units = n * np.log(readings.std(axis=0)).sum()
    found = ConvolvedScore(readings, errors)(frozenset([(0, 1), (1, 2)]))
    assert found - constants + units == pytest.approx(-density, abs=20)


def test_errors_that_are_known_do_not_make_an_edge() -> None:
    """b, read badly, does not screen a off from c; whoever knows how badly needs no a → c."""
    readings, errors = chain(1500, 0.35, 60)
    true, more = frozenset([(0, 1), (1, 2)]), frozenset([(0, 1), (1, 2), (0, 2)])
    convolved = ConvolvedScore(readings, errors)
    assert convolved(true) < convolved(more)
    plain = ConvolvedScore(readings, np.zeros((1500, 1, 3)))
    assert plain(more) < plain(true) - 10


def bent(n: int, seed: int = 0) -> tuple[Values, Values]:
    """Return readings of a → b → c and draws of their errors."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(-2, 2, n)
    b = np.tanh(1.5 * a) + 0.2 * rng.normal(size=n)
    c = b + 0.4 * rng.uniform(-1, 1, n)
    error = 0.1 * rng.normal(size=(n, 6, 3))
    return np.stack([a, b, c], axis=1) + error[:, 0], error[:, 1:]


def test_a_part_of_the_readings_leaves_the_best_graph_in() -> None:
    score = ConvolvedScore(*bent(2 * PARTS[-1]))
    assert score.part is not None
    graphs = [*complete_graphs(range(3)), frozenset([(0, 1), (1, 2)]), frozenset()]
    kept = score.contenders(graphs)
    assert min(graphs, key=score) in kept
    assert len(kept) < len(graphs)
    best = min(graphs, key=score)
    for edges in graphs:
        assert score.part.least_lag(edges, best) <= score(edges) - score(best)


def test_few_readings_have_no_part() -> None:
    score = ConvolvedScore(*bent(200))
    assert score.part is None
    graphs = complete_graphs(range(3))
    assert score.contenders(graphs) == sorted(graphs, key=score)


def test_parts_have_parts() -> None:
    score = ConvolvedScore(*bent(2 * PARTS[-1]))
    *parts, whole = score.levels
    assert whole is score and len(parts) == len(PARTS)
    assert [level.part for level in score.levels] == [None, *parts]


def test_a_part_alone_is_as_much_shorter_as_it_has_fewer_readings() -> None:
    score = ConvolvedScore(*bent(2 * PARTS[-1]))
    edges, empty = frozenset([(0, 1), (1, 2)]), frozenset[tuple[int, int]]()
    assert score.part is not None
    gain = score.part(empty) - score.part(edges)
    assert score.part.alone(empty) - score.part.alone(edges) == pytest.approx(gain / 2, rel=0.1)
    assert score.alone(edges) == score(edges)


@pytest.mark.parametrize("seed", range(2))
def test_what_regressions_leave_out_is_no_better(seed: int) -> None:
    score = ConvolvedScore(*bent(300, seed))
    truth = frozenset([(0, 1), (1, 2)])
    turned = frozenset([(0, 1), (2, 1)])
    rivals = [truth | {(0, 2)}, truth - {(0, 1)}, truth - {(1, 2)}, turned]
    kept = score.promising(truth, rivals)
    assert turned in kept and truth - {(0, 1)} not in kept
    assert all(score(other) > score(truth) for other in rivals if other not in kept)
    assert truth in score.promising(truth - {(1, 2)}, [truth])


def test_a_part_estimates_the_length_of_all_readings() -> None:
    score = ConvolvedScore(*bent(2 * PARTS[-1]))
    assert score.part is not None
    edges = frozenset([(0, 1), (1, 2)])
    assert score.part(edges) == pytest.approx(score(edges), rel=0.05)
