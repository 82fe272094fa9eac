from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from causalxai import Run, ScoringInputs
from causalxai.pipeline.keys import stage_keys
from causalxai.pipeline.report_sections import ReportedParts, report_sections
from causalxai.pipeline.watch import Watch
from causalxai.plugin import registry
from causalxai.plugin.provenance import Provenance
from causalxai.report.builder import ConceptReport, GraphReport, ReportInputs
from causalxai.report.graph_view import GraphExtras, NodeMeaning
from causalxai.report.section import Figure, Section, Text
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyDiscoverer, ToyExplainer, ToySpace

BUILDERS: dict[str, Callable[..., Any]] = {
    "concept_spaces": lambda space, inputs: [Section("concepts", [Text(str(space))])],
    "graph_discoverers": lambda discoverer, graph, inputs: GraphReport([Section("graph", [])]),
    "explainers": lambda explainer, explanation, inputs: [Section("explanation", [])],
}


@pytest.fixture
def world() -> ScoringInputs:
    return toy_world(0).inputs()


@pytest.fixture
def inputs(
    world: ScoringInputs, report_inputs: Callable[[ScoringInputs], ReportInputs]
) -> ReportInputs:
    return report_inputs(world)


@pytest.fixture
def builders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[..., Any]]:
    """Stand for what is registered under the name ``toy``."""
    registered = dict(BUILDERS)

    def load(group: str, name: str) -> Callable[..., Any] | None:
        return registered.get(group) if name == "toy" else None

    def origin(group: str, name: str) -> Provenance | None:
        if load(group, name) is None:
            return None
        return Provenance("graph_reports", name, "toys", "1.0", f"{__name__}:BUILDERS")

    monkeypatch.setattr(registry, "load_report_builder", load)
    monkeypatch.setattr(registry, "report_builder_provenance", origin)
    return registered


def titles(parts: ReportedParts, inputs: ReportInputs) -> list[str]:
    return [section.title for section in report_sections(parts, inputs, Watch(0))]


def test_sections_are_of_graph_then_explanation_then_concepts(builders, inputs, world):
    explanation = ToyExplainer().explain(world.dataset.test.images[:2], 0, world)
    given = ReportInputs(**{**vars(inputs), "explanation": explanation})
    parts = ReportedParts(
        space=("toy", world.space),
        discoverer=("toy", ToyDiscoverer()),
        explainer=("toy", ToyExplainer()),
    )
    assert titles(parts, given) == ["Causal graph", "graph", "explanation", "concepts"]


def test_a_report_that_draws_the_graph_has_it_once(builders, inputs):
    builders["graph_discoverers"] = lambda *_: GraphReport([Section("mine", [])], draws_graph=True)
    assert titles(ReportedParts(discoverer=("toy", ToyDiscoverer())), inputs) == ["mine"]


def test_the_graph_tells_what_concepts_mean(builders, inputs, world):
    first, second, *_ = inputs.graph.nodes
    builders["concept_spaces"] = lambda *_: ConceptReport(
        [Section("concepts", [])],
        {first: NodeMeaning("of the space"), second: NodeMeaning("of the space")},
    )
    builders["graph_discoverers"] = lambda *_: GraphReport(
        extras=GraphExtras({second: NodeMeaning("of the graph")})
    )
    parts = ReportedParts(space=("toy", world.space), discoverer=("toy", ToyDiscoverer()))
    drawn, concepts = report_sections(parts, inputs, Watch(0))
    assert concepts.title == "concepts"
    (figure,) = (item for item in drawn.items if isinstance(item, Figure))
    shown: Any = figure.graph
    told = {node["id"]: node["text"] for node in shown["nodes"]}
    assert (told[first], told[second]) == ("of the space", "of the graph")


def test_a_plugin_without_a_builder_has_no_section(builders, inputs):
    parts = ReportedParts(
        space=("silent", ToySpace()),
        discoverer=("silent", ToyDiscoverer()),
        explainer=("silent", ToyExplainer()),
    )
    assert titles(parts, inputs) == ["Causal graph"]


def test_stages_that_a_run_does_not_have_are_left_out(builders, inputs):
    assert titles(ReportedParts(), inputs) == []
    # The graph is there, but the explanation is not.
    parts = ReportedParts(explainer=("toy", ToyExplainer()))
    assert titles(parts, inputs) == []


def test_a_report_is_filed_under_what_draws_it(finished: Run, monkeypatch: pytest.MonkeyPatch):
    pipeline = finished.pipeline

    def keys() -> dict[str, str]:
        return stage_keys(pipeline.spec, pipeline.plugins, pipeline.device, {})

    before = keys()
    assert before == pipeline.keys
    monkeypatch.setattr(registry, "report_builder_provenance", lambda *_: None)
    changed = {stage for stage, key in keys().items() if key != before[stage]}
    assert changed == {"report"}
