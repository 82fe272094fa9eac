"""Suites of checks by interface, and the decorator that runs them under pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from causalxai.concept_space import ConceptSpace
from causalxai.explainer import Explainer
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.metric import Metric
from causalxai.oracle import Oracle
from causalxai.plugin import Plugin
from causalxai.testing.bench import Bench
from causalxai.testing.discoverer_checks import DISCOVERER_CHECKS
from causalxai.testing.explainer_checks import EXPLAINER_CHECKS
from causalxai.testing.metric_checks import METRIC_CHECKS
from causalxai.testing.observation_checks import OBSERVATION_CHECKS
from causalxai.testing.oracle_checks import ORACLE_CHECKS
from causalxai.testing.plugin_checks import PLUGIN_CHECKS
from causalxai.testing.refusal_checks import REFUSAL_CHECKS
from causalxai.testing.space_checks import SPACE_CHECKS

if TYPE_CHECKING:
    import pytest

Check: TypeAlias = Callable[[Bench[Any]], None]
"""Raises BrokenPromiseError (an AssertionError) that names the plugin; the docstring says why."""

_SUITES: Mapping[type, Sequence[Check]] = {
    Plugin: PLUGIN_CHECKS,
    ConceptSpace: SPACE_CHECKS,
    Oracle: (*ORACLE_CHECKS, *REFUSAL_CHECKS),
    GraphDiscoverer: (*DISCOVERER_CHECKS, *OBSERVATION_CHECKS),
    Explainer: EXPLAINER_CHECKS,
    Metric: METRIC_CHECKS,
}


@dataclass(frozen=True)
class Case:
    """A plugin in one configuration, for which the promises of its interface are checked.

    Parameters
    ----------
    name
        The name of the case in the tests' ids.
    interface
        The abstract class: ``ConceptSpace``, ``Oracle``, ``GraphDiscoverer``, ``Explainer``,
        ``Metric``; for any other ``Plugin`` the suite has what all plugins promise.
    build
        Returns a bench with the plugin. It is called for each check, so that checks do not
        influence one another.
    """

    name: str
    interface: type
    build: Callable[[], Bench[Any]]


def checks_for(interface: type) -> tuple[Check, ...]:
    """Return the checks for an interface (or a class that implements it), general ones first.

    Raises
    ------
    TypeError
        If it is no ``Plugin``.
    """
    if not issubclass(interface, Plugin):
        raise TypeError(f"{interface.__qualname__} is no Plugin; there is nothing to check")
    suites = [checks for base, checks in _SUITES.items() if issubclass(interface, base)]
    return tuple(check for checks in suites for check in checks)


def parametrize_with_checks(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """Return a pytest decorator that runs a test once for each case and check.

    The test takes ``case`` and ``check`` and calls ``check(case.build())``. Its ids read like
    ``mine-empty_intervention_is_identity``.
    """
    import pytest

    return pytest.mark.parametrize(
        ("case", "check"),
        [
            pytest.param(case, check, id=f"{case.name}-{check.__name__}")
            for case in cases
            for check in checks_for(case.interface)
        ],
    )
