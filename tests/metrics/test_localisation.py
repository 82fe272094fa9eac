"""Maps that point to the decisive patch, against counting by hand and, if installed, Quantus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from causalxai import Explanation
from causalxai.metrics.localisation import PointingGame, RelevanceMass
from causalxai.metrics.part_masks import PartMasks
from causalxai.testing.toys import ToyWorld

COUNT = 30


def explained(world: ToyWorld, heat: Tensor) -> Explanation:
    images = world.dataset.test.images[:COUNT]
    return Explanation(images, torch.zeros(COUNT).long(), maps={"map": heat, "flat": heat * 0 + 1})


@pytest.fixture(scope="module")
def mask(patched: ToyWorld) -> Tensor:
    images, target = patched.dataset.test.images[:COUNT], torch.zeros(COUNT).long()
    return PartMasks.of(patched.inputs(), images, target).decisive()[0]


def test_the_decisive_patch_scores_1_and_all_others_0(patched: ToyWorld, mask: Tensor):
    for metric in (PointingGame(), RelevanceMass()):
        hit = metric.compute(explained(patched, mask.float()), patched.inputs())
        miss = metric.compute(explained(patched, (~mask).float()), patched.inputs())
        assert (hit.estimate.value, miss.estimate.value) == (1, 0)
        assert hit.chance.value == hit.parts["flat"].value == 0.25
        assert hit.reason == "within the part that contributes most"


def test_named_parts_are_painted_into_their_masks(patched: ToyWorld):
    images, target = patched.dataset.test.images[:COUNT], torch.zeros(COUNT).long()
    masks = PartMasks.of(patched.inputs(), images, target)
    true = masks.contribution.float()
    right = Explanation(images, target, masks.names, true)
    found = PointingGame().compute(right, patched.inputs())
    assert (found.estimate.value, found.translated) == (1, True)
    wrong = PointingGame().compute(replace(right, importance=-true), patched.inputs())
    assert wrong.estimate.value == 0


def test_noise_is_counted_as_by_hand(patched: ToyWorld, mask: Tensor):
    heat = torch.randn(COUNT, 8, 8, generator=torch.Generator().manual_seed(0))
    explanation = explained(patched, heat)
    pointed = PointingGame().compute(explanation, patched.inputs())
    hits = [bool(mask[row].flatten()[heat[row].argmax()]) for row in range(COUNT)]
    assert pointed.estimate.value == pytest.approx(np.mean(hits))
    mass = RelevanceMass().compute(explanation, patched.inputs())
    shares = [
        heat[row][mask[row] & (heat[row] > 0)].sum() / heat[row][heat[row] > 0].sum()
        for row in range(COUNT)
    ]
    assert mass.estimate.value == pytest.approx(float(np.mean(shares)), abs=1e-6)


def test_quantus_counts_the_same(mask: Tensor):
    quantus = pytest.importorskip("quantus")
    heat = torch.rand(COUNT, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    attributions, masks = heat.numpy()[:, None], mask.numpy()[:, None]
    images = np.zeros((COUNT, 1, 8, 8))
    game = quantus.PointingGame(disable_warnings=True, normalise=False, abs=False)
    hits = game.evaluate_batch(a_batch=attributions, s_batch=masks)
    assert PointingGame().of_maps(heat, mask).tolist() == [float(hit) for hit in hits]
    accuracy = quantus.RelevanceMassAccuracy(disable_warnings=True, normalise=False, abs=False)
    shares = accuracy.evaluate_batch(x_batch=images, a_batch=attributions, s_batch=masks)
    assert RelevanceMass().of_maps(heat, mask).tolist() == pytest.approx(list(shares))


def test_a_map_without_positive_values_has_no_mass(mask: Tensor):
    assert RelevanceMass().of_maps(-torch.ones(COUNT, 8, 8).double(), mask).sum() == 0
