"""What a report says of a generator, of which it is known what its pictures show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from causalxai import Explanation
from causalxai.concept import Concept, Units
from causalxai.config import load_spec
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.intervention import Intervention
from causalxai.metric import MetricResult, ScoringInputs
from causalxai.pipeline.rendering import ReportedRun, _sections
from causalxai.pipeline.ruler_trust import ruler_section
from causalxai.pipeline.watch import Watch
from causalxai.renderer import Renderer
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Section, Table
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyOracle, ToyWorld, paint

Inputs = Callable[[ScoringInputs], ReportInputs]
FIRST = "top left"


class Patches(Renderer):
    """Draws the toy world's patches, and measures their brightness."""

    def __init__(self, world: ToyWorld) -> None:
        self._world = world

    @property
    def concepts(self) -> tuple[Concept, ...]:
        return tuple(Concept(name) for name in self._world.space.names())

    @property
    def errors(self) -> tuple[float, ...]:
        return (1e-4,) * 4

    def recognise(self, images: Tensor) -> Units:
        return self._world.space.encode(images)

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        return self._world.scm.counterfactual(units.values, interventions)

    def draw(self, units: Units, states: Tensor) -> Tensor:
        return paint(states) + units.residual["texture"]

    def measure(self, units: Units, images: Tensor) -> Tensor:
        means = functional.avg_pool2d(images.flatten(0, 1), 4).flatten(1)
        return (means - 0.5).mul(50).unflatten(0, images.shape[:2])


class Weak(ToyOracle):
    """The toy oracle, whose pictures show but a share of what do() asks of the first concept."""

    share = 0.25

    def _respond(self, units, interventions, want):
        response = super()._respond(units, interventions, want)
        before = super()._respond(units, Intervention.none(), ("images",)).answer("images")
        images = response.answer("images").clone()
        patch = (..., slice(0, 4), slice(0, 4))
        images[patch] = before[patch] + self.share * (images - before)[patch]
        return replace(response, images=images)


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    world = toy_world(0)
    return replace(world, dataset=replace(world.dataset, renderer=Patches(world)))


def with_oracle(world: ToyWorld, oracle: ToyOracle) -> ScoringInputs:
    return replace(world.inputs(), oracle=oracle.bind(world.classifier, world.space))


def cells(section: Section) -> Mapping[str, tuple[str, ...]]:
    (table,) = section.items
    assert isinstance(table, Table)
    return {row[0]: row[1:] for row in table.rows}


def test_a_true_generator_is_trusted(world: ToyWorld, report_inputs: Inputs) -> None:
    section = ruler_section(report_inputs(world.inputs()))
    assert section is not None
    assert section.trust.startswith("How far the generator can be trusted, by the data set's ruler")
    assert "do() moves each of 4 concepts by 1.00 (" in section.trust
    assert "that should be held by up to 0.00 standard deviations" in section.trust
    assert section.doubt == ""
    assert all(row[0].startswith("1.00") for row in cells(section).values())


def test_a_concept_that_hardly_moves_is_doubted(world: ToyWorld, report_inputs: Inputs) -> None:
    weak = Weak(world.oracle.config)
    section = ruler_section(report_inputs(with_oracle(world, weak)))
    assert section is not None
    assert f"by 0.25 ({FIRST}) to 1.00 (" in section.trust
    assert section.doubt.startswith("By the ruler, the pictures show less than half")
    assert f"asks of {FIRST}: do not believe what-ifs about this concept" in section.doubt
    assert cells(section)[FIRST][0].startswith("0.25")


def test_a_concept_that_moves_too_far_is_doubted(world: ToyWorld, report_inputs: Inputs) -> None:
    class Strong(Weak):
        share = 1.8

    section = ruler_section(report_inputs(with_oracle(world, Strong(world.oracle.config))))
    assert section is not None
    assert f"asks of {FIRST}: do not believe" in section.doubt


def test_few_concepts_are_listed(world: ToyWorld, report_inputs: Inputs) -> None:
    class Pair(Patches):
        @property
        def concepts(self) -> tuple[Concept, ...]:
            return super().concepts[:2]

        def measure(self, units: Units, images: Tensor) -> Tensor:
            return super().measure(units, images)[..., :2]

    two = replace(world, dataset=replace(world.dataset, renderer=Pair(world)))
    section = ruler_section(report_inputs(two.inputs()))
    assert section is not None
    assert "do() moves top left by 1.00, top right by 1.00 times what it should" in section.trust


def test_without_a_ruler_or_pictures_nothing_is_said(
    world: ToyWorld, report_inputs: Inputs
) -> None:
    bare = replace(world.inputs(), dataset=replace(world.dataset, renderer=None))
    assert ruler_section(report_inputs(bare)) is None
    assert ruler_section(report_inputs(replace(world.inputs(), oracle=None))) is None

    class Blind(ToyOracle):
        capabilities = frozenset()

    assert ruler_section(report_inputs(with_oracle(world, Blind(world.oracle.config)))) is None


def test_the_renderer_is_not_measured_by_itself(world: ToyWorld, report_inputs: Inputs) -> None:
    space = RenderedSpace().fit(world.classifier, world.dataset, rng=torch.Generator())
    oracle = RendererOracle().bind(world.classifier, space)
    inputs = replace(world.inputs(), space=space, oracle=oracle)
    assert ruler_section(report_inputs(inputs)) is None


def test_it_stands_in_the_report_and_edited_images_where_they_are_scored(
    world: ToyWorld, report_inputs: Inputs, tiny_spec: dict[str, Any]
) -> None:
    images = world.dataset.test.images[:6]
    claims = torch.tensor([[0.0, 2.0, 0.0, 0.1]]).expand(6, -1)
    target = torch.zeros(6, dtype=torch.int64)
    inputs = replace(
        report_inputs(world.inputs()),
        explanation=Explanation(images, target, world.space.names(), claims),
    )
    plain = ReportedRun(load_spec(tiny_spec), inputs, None, None, (), held_out=None)
    ruler = "What do() does to the pictures, by the ruler"
    assert titles(plain) == [ruler]
    scored = replace(plain, metrics=(MetricResult("edited-attribute", "skipped"),))
    assert titles(scored) == ["The named attribute, drawn anew", ruler]


def titles(run: ReportedRun) -> list[str]:
    return [section.title for section in _sections(run, Watch(0))]
