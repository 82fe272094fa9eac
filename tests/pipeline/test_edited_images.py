from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from causalxai import Explanation, ScoringInputs
from causalxai.pipeline.edited_images import edited_section
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Figure, Text
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyWorld

from .test_ruler_trust import Patches

Inputs = Callable[[ScoringInputs], ReportInputs]


@pytest.fixture(scope="module")
def world() -> ToyWorld:
    world = toy_world(0)
    return replace(world, dataset=replace(world.dataset, renderer=Patches(world)))


def explanation(world: ToyWorld, importance: torch.Tensor) -> Explanation:
    images = world.dataset.test.images[: len(importance)]
    target = torch.zeros(len(importance), dtype=torch.int64)
    return Explanation(images, target, world.space.names(), importance)


def test_images_are_shown_before_and_after(world: ToyWorld, report_inputs: Inputs) -> None:
    claims = torch.tensor([[0.0, 2.0, 0.0, 0.1]]).expand(6, -1)
    inputs = replace(report_inputs(world.inputs()), explanation=explanation(world, claims))
    section = edited_section(inputs)
    assert section is not None
    said, figure = section.items
    assert isinstance(said, Text)
    assert f"top right for {world.dataset.class_names[0]}" in said.text
    assert isinstance(figure, Figure)
    assert figure.png is not None
    assert section.finding.startswith("Drawn anew with the attribute that the explanation names")


def test_what_names_nothing_has_no_section(world: ToyWorld, report_inputs: Inputs) -> None:
    plain = report_inputs(world.inputs())
    assert edited_section(replace(plain, explanation=None)) is None
    silent = explanation(world, torch.zeros(6, 4))
    assert edited_section(replace(plain, explanation=silent)) is None
    bare = replace(plain, dataset=replace(world.dataset, renderer=None))
    assert edited_section(replace(bare, explanation=silent)) is None
