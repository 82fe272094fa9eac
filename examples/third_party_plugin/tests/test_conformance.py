"""The explainer keeps the promises of its interface, and finds a truth that is known."""

from __future__ import annotations

import torch
from causalxai_one_at_a_time import OneAtATime

from causalxai import Explainer
from causalxai.testing import Bench, Case, Check, parametrize_with_checks, toy_world


def build() -> Bench[OneAtATime]:
    """Put the explainer on a bench of a world with four concepts."""
    world = toy_world(seed=0)
    images = world.dataset.test.images[:4]
    return Bench(plugin=OneAtATime(value=1.0), inputs=world.inputs(), images=images)


@parametrize_with_checks([Case("one-at-a-time", Explainer, build)])
def test_conformance(case: Case, check: Check) -> None:
    """Run the suite that every explainer must pass."""
    check(case.build())


def test_importance_is_the_closed_form() -> None:
    """In a linear world, a concept at value v supports class k by v times its total effect."""
    world = toy_world(seed=0)
    images = world.dataset.test.images[:4]
    found = OneAtATime().explain(images, 1, world.inputs()).importance
    values = world.space.encode(images).values
    assert found is not None
    assert torch.allclose(found, values * world.logit_effects[:, 1], atol=1e-2)
