"""For authors of plugins: suites that try a plugin's promises, and toys with a known truth.

A plugin's test is a list of cases::

    from causalxai import Oracle
    from causalxai.testing import Bench, Case, parametrize_with_checks


    def build() -> Bench[MyOracle]:
        return Bench(plugin=MyOracle(), inputs=inputs_with_a_fitted_space, images=images)


    @parametrize_with_checks([Case("mine", Oracle, build)])
    def test_conformance(case, check):
        check(case.build())

``causalxai.testing.toys`` has one small plugin of each kind to learn from, in a world where the
right answers can be computed in closed form.
"""

from causalxai.testing.bench import Bench, BrokenPromiseError
from causalxai.testing.conformance import Case, Check, checks_for, parametrize_with_checks
from causalxai.testing.killed import Keeper, KilledError
from causalxai.testing.renderer_checks import check_renderer
from causalxai.testing.scm import LinearScm
from causalxai.testing.toys import ToyWorld, toy_world

__all__ = [
    "Bench",
    "BrokenPromiseError",
    "Case",
    "Check",
    "Keeper",
    "KilledError",
    "LinearScm",
    "ToyWorld",
    "check_renderer",
    "checks_for",
    "parametrize_with_checks",
    "toy_world",
]
