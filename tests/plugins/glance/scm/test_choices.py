from __future__ import annotations

from itertools import product

import pytest

from causalxai_glance.scm.choices import JOINT_PARENTS, screened, screened_together


def apart(goal: tuple[int, ...]):
    """How far a choice is from a goal, and in how many places it differs."""
    return lambda choice: (sum(abs(a - b) for a, b in zip(choice, goal, strict=True)), choice)


@pytest.mark.parametrize("options", [(), (3,), (2, 5), (4, 1, 3)])
def test_of_few_parents_all_choices_are_fitted(options):
    goal = tuple(count - 1 for count in options)
    fits = screened(options, apart(goal), lambda fit: fit[0])
    assert [*fits] == [*product(*map(range, options))]
    assert all(fit[1] == choice for choice, fit in fits.items())


def test_of_many_parents_the_best_is_met_without_trying_all():
    options, goal, calls = (5,) * (JOINT_PARENTS + 3), (4, 0, 3, 1, 2, 2), []
    fit = apart(goal)
    fits = screened(options, lambda choice: calls.append(choice) or fit(choice), lambda one: one[0])
    assert min(fits, key=lambda choice: fits[choice][0]) == goal
    assert len(calls) == len(set(calls)) == len(fits) < 5 ** len(options) / 100


def test_a_place_at_a_time_can_miss_what_two_would_find():
    """What descent gives up: only both changes together are worth it."""
    cost = lambda choice: {(0, 0): 1, (1, 1): 0}.get(choice[:2], 2)  # noqa: E731
    few = screened((2, 2), cost, float)
    many = screened((2, 2, 1, 1), cost, float)
    assert min(few.values()) == 0 and min(many.values()) == 1


def test_choices_are_fitted_together():
    options, goal, asked = (3,) * (JOINT_PARENTS + 1), (2, 0, 1, 2), []
    fit = apart(goal)

    def fits(choices):
        asked.append([*choices])
        return [fit(choice) for choice in choices]

    together = screened_together(options, fits, lambda one: one[0])
    assert together == screened(options, fit, lambda one: one[0])
    assert len(asked) < len(together) / 1.5
    few = screened_together((2, 1), lambda choices: [sum(own) for own in choices], float)
    assert few == {(0, 0): 0, (1, 0): 1}
