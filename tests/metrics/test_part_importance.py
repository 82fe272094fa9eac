"""Maps that order the patches as removing them does, and others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import Explanation
from causalxai.metric import AttributionSpace
from causalxai.metrics.part_importance import PartImportance
from causalxai.metrics.part_masks import PartMasks
from causalxai.testing.toys import ToyWorld

COUNT = 30


def explained(world: ToyWorld, heat: Tensor) -> Explanation:
    images = world.dataset.test.images[:COUNT]
    return Explanation(images, torch.zeros(COUNT).long(), maps={"map": heat})


@pytest.fixture(scope="module")
def right(patched: ToyWorld) -> Tensor:
    """A map that has in each patch what it contributes."""
    images, target = patched.dataset.test.images[:COUNT], torch.zeros(COUNT).long()
    masks = PartMasks.of(patched.inputs(), images, target)
    return (masks.seen * masks.contribution[..., None, None]).sum(dim=1).float()


def test_the_order_of_contributions_is_what_counts(patched: ToyWorld, right: Tensor):
    score = PartImportance().compute
    exact = score(explained(patched, right), patched.inputs())
    assert exact.estimate.value == pytest.approx(1)
    squashed = score(explained(patched, right.sign() * right.abs().sqrt()), patched.inputs())
    assert squashed.estimate.value == pytest.approx(1)
    turned = score(explained(patched, -right), patched.inputs())
    assert turned.estimate.value == pytest.approx(-1)
    assert exact.chance.low < 0 < exact.chance.high
    flat = score(explained(patched, torch.ones(COUNT, 8, 8)), patched.inputs())
    assert flat.estimate.value == exact.controls["area"].value == 0


def test_parts_that_are_named_as_concepts_are_not_translated(patched: ToyWorld):
    """Whether a part is darker or brighter than what is behind it does not matter."""
    images, target = patched.dataset.test.images[:COUNT], torch.zeros(COUNT).long()
    masks = PartMasks.of(patched.inputs(), images, target)
    order = [2, 0, 3, 1]
    names = tuple(masks.names[place] for place in order)
    true = masks.contribution[:, order].float()
    found = PartImportance().compute(Explanation(images, target, names, true), patched.inputs())
    assert found.estimate.value == pytest.approx(1)
    assert (found.read, found.translated) == (AttributionSpace.CONCEPTS, False)
    some = Explanation(images, target, names[:2], true[:, :2])
    claims = masks.claims(some, torch.arange(COUNT))
    assert torch.equal(claims[:, order[:2]].float(), true[:, :2])
    assert not claims[:, order[2:]].any()
    other = Explanation(images, target, ("something else",), true[:, :1])
    assert masks.claims(other, torch.arange(COUNT)) is None


def test_two_places_exchanged_have_the_correlation_of_their_ranks(patched: ToyWorld, right: Tensor):
    """Spearman's correlation of four ranks, two neighbours of which are exchanged, is .8."""
    ranked = torch.nn.functional.avg_pool2d(right, 4).flatten(1)
    order = ranked.argsort(dim=1)
    one, two = order[:, 1:2], order[:, 2:3]
    turned = ranked.scatter(1, one, ranked.gather(1, two)).scatter(1, two, ranked.gather(1, one))
    heat = turned.unflatten(1, (2, 2)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    found = PartImportance().compute(explained(patched, heat), patched.inputs())
    assert found.estimate.value == pytest.approx(0.8)


def test_masks_of_what_cannot_be_removed_are_skipped(drawn: ToyWorld):
    heat = torch.ones(COUNT, 8, 8)
    found = PartImportance().compute(explained(drawn, heat), drawn.inputs())
    assert (found.status, "does not say where" in found.reason) == ("skipped", True)
    blank = replace(drawn.dataset, renderer=None)
    found = PartImportance().compute(explained(drawn, heat), replace(drawn.inputs(), dataset=blank))
    assert (found.status, "renderer" in found.reason) == ("skipped", True)
