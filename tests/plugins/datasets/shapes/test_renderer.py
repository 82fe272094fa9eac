from __future__ import annotations

from typing import Any

import pytest
import torch

from causalxai.dataset import Dataset
from causalxai.intervention import Intervention
from causalxai.seeding import torch_generator
from causalxai.testing import check_renderer
from causalxai_datasets.shapes import PROPERTIES, Shapes


def load(**settings: Any) -> Dataset:
    few = {"count": 40, "test_count": 5}
    return Shapes(**{**few, **settings}).load(rng=torch_generator(0))


@pytest.mark.parametrize("settings", [{"references": 20}, {"size": 40, "confounding": 0.5}])
def test_the_renderer_keeps_its_promises(settings: dict[str, Any]) -> None:
    check_renderer(load(**settings), images=3)


def test_the_ruler_reads_every_object_and_the_mask_is_where_it_is() -> None:
    data = load()
    renderer = data.renderer
    assert renderer is not None
    units = renderer.recognise(data.test.images[:])
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * len(PROPERTIES))
    every = states[:, None].expand(-1, len(units), -1)
    drawn = renderer.draw(units, every)
    noise = 0.1 * torch.randn(drawn.shape, generator=torch_generator(1))
    assert torch.equal(renderer.measure(units, drawn), every)
    assert (renderer.measure(units, (drawn + noise).clamp(0, 1)) == every).float().mean() > 0.98
    areas = renderer.masks(units, every)["object"].float().mean(dim=(2, 3))
    large = states[:, PROPERTIES.index("large")].bool()
    assert areas[large].min() > 2 * areas[~large].max()


def test_nothing_follows_from_a_property() -> None:
    data = load(confounding=1.0)
    renderer = data.renderer
    assert renderer is not None
    units = renderer.recognise(data.train.images[:8])
    flips = Intervention.flip(torch.arange(len(PROPERTIES)))
    assert torch.equal(renderer.states(units, flips), flips.apply(units.values))
