from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.dataset import Dataset
from causalxai.intervention import Intervention
from causalxai.renderer import Renderer
from causalxai.seeding import torch_generator
from causalxai.testing import check_renderer
from causalxai_datasets.parts import PARTS, Parts


def load(**settings: Any) -> Dataset:
    few = {"count": 40, "test_count": 6}
    return Parts(**{**few, **settings}).load(rng=torch_generator(0))


def known(data: Dataset) -> tuple[Renderer, Units]:
    assert data.renderer is not None
    return data.renderer, data.renderer.recognise(data.test.images[:])


@pytest.mark.parametrize("settings", [{"references": 20}, {"absence": "exchanged", "size": 40}])
def test_the_renderer_keeps_its_promises(settings: dict[str, Any]) -> None:
    check_renderer(load(**settings), images=3)


@pytest.mark.parametrize("absence", ["removed", "exchanged"])
def test_the_ruler_reads_every_state(absence: str) -> None:
    """Birds of whatever class, with any of their parts, also where pictures are noisy."""
    renderer, units = known(load(absence=absence, classes=9))
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * len(PARTS))
    every = states[:, None].expand(-1, len(units), -1)
    drawn = renderer.draw(units, every)
    assert torch.equal(renderer.measure(units, drawn), every)
    noise = 0.1 * torch.randn(drawn.shape, generator=torch_generator(1))
    read = renderer.measure(units, (drawn + noise).clamp(0, 1))
    assert (read == every).float().mean() > 0.99


@pytest.mark.parametrize("absence", ["removed", "exchanged"])
def test_do_changes_the_part_and_nothing_else(absence: str) -> None:
    renderer, units = known(load(absence=absence))
    flips = Intervention.flip(torch.arange(len(PARTS)))
    states = renderer.states(units, flips)
    assert torch.equal(states, flips.apply(units.values))
    own = renderer.draw(units, units.values[None])[0]
    drawn = renderer.draw(units, states)
    before, after = renderer.masks(units, units.values[None]), renderer.masks(units, states)
    for place, part in enumerate(PARTS):
        change = (drawn[place] - own).abs().amax(dim=1)
        inside = before[part][0] | after[part][place]
        # What is less than a mask shows may differ twice: by what was there and by what is.
        assert float(change[~inside].max()) < 50 / 255
        assert bool((change > 0.2).flatten(1).any(dim=1).all())


def test_masks_are_there_where_a_part_is() -> None:
    renderer, units = known(load())
    seen: Tensor = torch.stack(
        [
            renderer.masks(units, units.values[None])[part][0].flatten(1).any(dim=1)
            for part in PARTS
        ],
        dim=1,
    )
    assert torch.equal(seen, units.values.bool())
