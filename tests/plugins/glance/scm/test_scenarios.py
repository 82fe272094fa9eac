from __future__ import annotations

import numpy as np
import pytest

from causalxai_datasets.morpho.equations import graph_of, sample
from causalxai_datasets.morpho.scenarios import scenario_equations
from causalxai_glance.scm import MdlScore, SearchProblem, exact_search, margin


def shuffled(scenario: str, n: int, seed: int) -> tuple[np.ndarray, set[tuple[int, int]]]:
    """Return values and true edges with the columns in random order: literally, truth is 0 → 1."""
    equations = scenario_equations(scenario, "corrected")
    rng = np.random.default_rng(seed)
    (values, _), graph = sample(equations, n, rng), graph_of(equations)
    order = rng.permutation(len(graph.nodes))
    nodes = [graph.nodes[k] for k in order]
    edges = {(nodes.index(e.source), nodes.index(e.target)) for e in graph.edges}
    return values[:, order], edges


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scenario", ["TI", "TID", "IT", "TS"])
def test_the_direction_of_two_concepts_is_found(scenario, seed):
    values, edges = shuffled(scenario, 1_000, seed)
    score = MdlScore(values)
    assert exact_search(SearchProblem(2, score)) == edges
    (worth,) = margin(SearchProblem(2, score)).values()
    assert min(worth.absent, worth.reversed) > 5


def test_without_links_tid_is_found_the_wrong_way_round():
    values, edges = shuffled("TID", 2_000, 0)
    assert exact_search(SearchProblem(2, MdlScore(values, links=False))) == {
        (j, i) for i, j in edges
    }


def test_four_concepts_are_found():
    values, edges = shuffled("TSWI", 5_000, 0)
    assert exact_search(SearchProblem(4, MdlScore(values))) == edges


@pytest.mark.parametrize("scenario", ["TI", "TID", "IT", "TS"])
def test_measurement_errors_leave_the_direction(scenario):
    values, edges = shuffled(scenario, 2_000, 1)
    errors = np.random.default_rng(2).normal(size=values.shape)
    values = values + 0.03 * values.std(axis=0) * errors
    assert exact_search(SearchProblem(2, MdlScore(values))) == edges
