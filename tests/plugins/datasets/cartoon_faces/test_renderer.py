from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from causalxai.dataset import Dataset
from causalxai.intervention import Intervention
from causalxai.renderer import Renderer
from causalxai.seeding import torch_generator
from causalxai.testing import check_renderer
from causalxai_datasets.cartoon_faces import ATTRIBUTES, CartoonFaces
from causalxai_datasets.cartoon_faces import renderer as module


def load(**settings: Any) -> Dataset:
    few = {"count": 40, "test_count": 24}
    return CartoonFaces(**{**few, **settings}).load(rng=torch_generator(0))


def renderer_of(data: Dataset) -> Renderer:
    assert data.renderer is not None
    return data.renderer


@pytest.mark.parametrize(
    "settings",
    [
        {"references": 12},
        {"concepts": ATTRIBUTES, "task": "beard", "bias": {"attribute": "male", "share": 0.8}},
        {"concepts": ["male", "lipstick"], "masked": 1.0, "balanced": True},
    ],
    ids=["task left out", "all attributes", "masked"],
)
def test_the_renderer_keeps_its_promises(settings: dict[str, Any]) -> None:
    check_renderer(load(**settings), images=3)


def test_attributes_follow_by_the_odds_with_the_face_s_own_noise() -> None:
    data = load(count=10, test_count=200, concepts=["male", "beard"])
    renderer = renderer_of(data)
    units = renderer.recognise(data.test.images[:])
    own = units.values
    states = renderer.states(units, Intervention.flip(torch.tensor([0])))[0]
    assert torch.equal(states[:, 0], 1 - own[:, 0])
    # With the same noise, becoming male gives a beard to some and takes it from none.
    became = own[:, 0] == 0
    assert not (states[became, 1] < own[became, 1]).any()
    assert not (states[~became, 1] > own[~became, 1]).any()
    young = data.renderer._own[units.residual["individual"], ATTRIBUTES.index("young")]  # type: ignore[union-attr]
    odds = -2.4 + 4.2 * states[:, 0] - 2.2 * young
    expected = float(expit(odds.numpy()).mean())
    assert float(states[:, 1].mean()) == pytest.approx(expected, abs=3 * np.sqrt(0.25 / 200))


def test_an_attribute_that_is_no_concept_follows_in_the_picture() -> None:
    all_named = load(concepts=ATTRIBUTES, test_count=16)
    one_named = load(concepts=["smiling"], task="open mouth", test_count=16)
    assert torch.equal(all_named.test.images[:], one_named.test.images[:])
    pictures = []
    for data in (all_named, one_named):
        renderer = renderer_of(data)
        units = renderer.recognise(data.test.images[:])
        place = data.concept_names.index("smiling")
        states = renderer.states(units, Intervention.flip(torch.tensor([place])))
        pictures.append(renderer.draw(units, states))
        changed = (states[0] != units.values).sum(dim=1)
        assert changed.min() == 1
    assert torch.equal(*pictures)
    assert changed.max() == 1


def test_the_ruler_reads_pictures_that_were_not_drawn_here(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(concepts=ATTRIBUTES, test_count=4)
    renderer = renderer_of(data)
    units = renderer.recognise(data.test.images[:])
    states = renderer.states(units, Intervention.flip(torch.tensor([7])))
    drawn = renderer.draw(units, states)
    noisy = (drawn + 0.05 * torch.randn(drawn.shape, generator=torch_generator(1))).clamp(0, 1)
    assert torch.equal(renderer.measure(units, noisy), states)
    monkeypatch.setattr(module, "_MOST_KNOWN", 0)
    renderer.draw(units, states)
    assert torch.equal(renderer.measure(units, drawn), states)
