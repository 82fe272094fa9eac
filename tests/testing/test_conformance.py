from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from causalxai.concept_space import ConceptSpace
from causalxai.explainer import Explainer
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.metric import Metric
from causalxai.oracle import Oracle
from causalxai.plugin import Plugin
from causalxai.testing import Bench, Case, Check, checks_for, parametrize_with_checks, toy_world
from causalxai.testing.toys import ToyDiscoverer, ToyExplainer, ToyMetric, ToyOracle, ToySpace


def bench(make: Callable[[ToyOracle], Plugin]) -> Callable[[], Bench[Any]]:
    def build() -> Bench[Any]:
        world = toy_world(0)
        return Bench(
            plugin=make(world.oracle),
            inputs=world.inputs(),
            images=world.dataset.test.images[:5],
        )

    return build


CASES = [
    Case("space", ConceptSpace, bench(lambda _: ToySpace())),
    Case("oracle", Oracle, bench(lambda oracle: ToyOracle(oracle.config))),
    Case("discoverer", GraphDiscoverer, bench(lambda _: ToyDiscoverer())),
    Case("explainer", Explainer, bench(lambda _: ToyExplainer())),
    Case("metric", Metric, bench(lambda _: ToyMetric())),
]


@parametrize_with_checks(CASES)
def test_toys_conform(case: Case, check: Check) -> None:
    check(case.build())


def test_ids_read_as_case_and_check() -> None:
    (ids,) = [mark.args[1] for mark in [parametrize_with_checks(CASES[1:2]).mark]]
    assert "oracle-empty_intervention_is_identity" in [param.id for param in ids]


def test_every_suite_begins_with_what_all_plugins_promise() -> None:
    general = checks_for(Plugin)
    for case in CASES:
        suite = checks_for(case.interface)
        assert suite[: len(general)] == general
        assert len(suite) > len(general)
    assert checks_for(ToyOracle) == checks_for(Oracle)


def test_every_check_states_its_promise() -> None:
    checks = {check for case in CASES for check in checks_for(case.interface)}
    assert all((check.__doc__ or "").startswith("Require ") for check in checks)
    assert len({check.__name__ for check in checks}) == len(checks)


def test_only_plugins_have_suites() -> None:
    with pytest.raises(TypeError, match="int is no Plugin"):
        checks_for(int)
