"""For each check (those of oracles have a file of their own) a toy that fails it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from causalxai.concept_space import ConceptSpace
from causalxai.explainer import Explainer
from causalxai.graph_discoverer import GraphDiscoverer
from causalxai.metric import Metric
from causalxai.plugin import Plugin
from causalxai.testing import Bench, BrokenPromiseError, checks_for, toy_world
from tests.testing.broken import (  # noqa: F401 - they register themselves
    concept_spaces,
    explainers,
    graph_discoverers,
    metrics,
    plugins,
)
from tests.testing.broken.register import BROKEN

INTERFACES: Mapping[str, type] = {
    "plugin": Plugin,
    "space": ConceptSpace,
    "discoverer": GraphDiscoverer,
    "explainer": Explainer,
    "metric": Metric,
}


def bench_of(plugin: type[Plugin]) -> Bench[Any]:
    world = toy_world(0)
    return Bench(
        plugin=plugin(),
        inputs=world.inputs(),
        images=world.dataset.test.images[:4],
        report_builder=getattr(plugin, "report_builder", None),
    )


@pytest.mark.parametrize(
    ("interface", "check", "plugin"),
    BROKEN,
    ids=[f"{plugin.__name__}-{check}" for _, check, plugin in BROKEN],
)
def test_a_broken_plugin_is_caught(interface: str, check: str, plugin: type[Plugin]) -> None:
    checks = {each.__name__: each for each in checks_for(INTERFACES[interface])}
    with pytest.raises(BrokenPromiseError, match=rf"\.{plugin.__name__}: "):
        checks[check](bench_of(plugin))


@pytest.mark.parametrize("interface", INTERFACES)
def test_no_check_is_left_untried(interface: str) -> None:
    general = set() if interface == "plugin" else set(checks_for(Plugin))
    special = set(checks_for(INTERFACES[interface])) - general
    tried = {check for kind, check, _ in BROKEN if kind == interface}
    assert {check.__name__ for check in special} == tried
