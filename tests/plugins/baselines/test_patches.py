"""A grid of patches as concepts: and an oracle that removes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from causalxai import Oracle, ScoringInputs
from causalxai.classifier import Classifier
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, parametrize_with_checks, toy_world
from causalxai_baselines.patch_oracle import PatchOracle
from causalxai_baselines.patch_space import PatchSpace

SHAPE = (2, 7, 10)
GRID = 3


def inputs() -> ScoringInputs:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(2 * 7 * 10, 2))
    images = torch.rand(40, *SHAPE, generator=torch_generator(1))
    with torch.no_grad():
        model[1].bias -= model(images).mean(dim=0)
    classifier = Classifier(model, class_names="ab", image_shape=SHAPE)
    split = Split(images, classifier.predict(images))
    dataset = Dataset(train=split, test=split, class_names=("a", "b"))
    rng = torch_generator(0)
    space = PatchSpace(grid=GRID).fit(classifier, dataset, rng=rng)
    oracle = PatchOracle(baseline="black").bind(classifier, space)
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=rng, space=space, oracle=oracle
    )


def shares(found: ScoringInputs, images: Tensor, k: int) -> Tensor:
    """Return ``[n, 9]``, what each patch gives a linear model's logit."""
    weights = found.classifier.model[1].weight[k].view(SHAPE)
    by_pixel = (weights * images).sum(dim=1)
    rows = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    columns = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    patch = rows[:, None] * GRID + columns
    return torch.stack([by_pixel[:, patch == number].sum(dim=1) for number in range(9)], dim=1)


def test_removing_a_patch_takes_its_share_from_a_linear_model():
    found = inputs()
    images = found.dataset.test.images[:5]
    units = found.space.encode(images)
    every = Intervention.ablate(torch.arange(9))
    answer = found.oracle.query(units, every, want=("logits", "images"))
    lost = found.classifier.logits(images) - answer.logits
    for k in (0, 1):
        torch.testing.assert_close(lost[..., k].T, shares(found, images, k), atol=1e-5, rtol=1e-4)
    assert not answer.images[4, :, :, 3:5, 4:7].any()
    assert torch.equal(answer.images[4, :, :, :3], images[:, :, :3])


def test_half_a_patch_is_half_its_share():
    found = inputs()
    images = found.dataset.test.images[:5]
    units = found.space.encode(images)
    half = Intervention.set(torch.arange(9), 0.5)
    lost = found.classifier.logits(images) - found.oracle.query(units, half).logits
    expected = shares(found, images, 1) / 2
    torch.testing.assert_close(lost[..., 1].T, expected, atol=1e-5, rtol=1e-4)


def test_what_does_not_fit_is_refused():
    found = inputs()
    with pytest.raises(CapabilityError, match="8 patches a side do not fit into 7 pixels"):
        PatchSpace().fit(found.classifier, found.dataset, rng=found.rng)
    with pytest.raises(CapabilityError, match="not for those of ToySpace"):
        PatchOracle().bind(found.classifier, toy_world(0).space)


def bench(make: Callable[[], Plugin]) -> Bench:
    found = inputs()
    return Bench(plugin=make(), inputs=found, images=found.dataset.test.images[:4])


@parametrize_with_checks(
    [
        Case("patch-space", ConceptSpace, partial(bench, partial(PatchSpace, grid=GRID))),
        Case("patch-oracle", Oracle, partial(bench, PatchOracle)),
        Case("patch-oracle-mean", Oracle, partial(bench, partial(PatchOracle, baseline="mean"))),
    ]
)
def test_conformance(case, check):
    check(case.build())
