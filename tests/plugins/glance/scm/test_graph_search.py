from __future__ import annotations

import pytest

from causalxai_glance.scm import (
    MOST_NODES,
    MOST_NODES_LIMITED,
    SearchProblem,
    exact_search,
    find_graph,
    find_margins,
    margin,
    order_margin,
    order_search,
)


def chain_score(child: int, parents: frozenset[int]) -> float:
    """Score least where every node has the one before it as its only parent."""
    return len(parents) - 5.0 * (child - 1 in parents)


def test_few_nodes_are_searched_exactly() -> None:
    assert find_graph(SearchProblem(4, chain_score)) == exact_search(SearchProblem(4, chain_score))
    assert find_margins(SearchProblem(4, chain_score)) == margin(SearchProblem(4, chain_score))


@pytest.mark.parametrize(("d", "most"), [(MOST_NODES + 1, None), (MOST_NODES_LIMITED + 1, 2)])
def test_more_nodes_are_ordered(d: int, most: int | None) -> None:
    found = find_graph(SearchProblem(d, chain_score, max_parents=most))
    assert found == order_search(SearchProblem(d, chain_score, max_parents=most))
    assert found == {(i, i + 1) for i in range(d - 1)}
    margins = find_margins(SearchProblem(d, chain_score, max_parents=most))
    assert margins == order_margin(SearchProblem(d, chain_score, max_parents=most))
    assert {worth.absent for worth in margins.values()} == {4.0}
