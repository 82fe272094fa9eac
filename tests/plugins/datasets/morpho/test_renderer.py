from __future__ import annotations

from typing import Any

import pytest
import torch

from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.intervention import Intervention
from causalxai.renderer import Renderer
from causalxai.seeding import torch_generator
from causalxai.testing import check_renderer
from causalxai_datasets.morpho import Morpho


def load(**settings: Any) -> Dataset:
    few = {"limit": 24, "test_limit": 8, "leave_out": ()}
    return Morpho(**{**few, **settings}).load(rng=torch_generator(0))


def renderer_of(data: Dataset) -> Renderer:
    assert data.renderer is not None
    return data.renderer


@pytest.mark.parametrize(
    "settings",
    [
        {"scenario": "TSWI", "references": 8},
        {"scenario": "TI", "size": 28, "draws": 2},
        {"scenario": "IT", "independent": True},
    ],
    ids=["TSWI", "TI", "independent"],
)
def test_the_renderer_keeps_its_promises(settings: dict[str, Any]) -> None:
    check_renderer(load(**settings), images=6)


def test_concepts_follow_the_equations_with_the_digit_s_own_noise() -> None:
    noise = {"distribution": "uniform", "low": 2, "high": 4}
    data = load(equations={
        "thickness": {"expression": "noise", "noise": noise},
        "slant": {"expression": "10 * thickness - 30 + noise", "noise": {"distribution": "normal"}},
        "width": {"expression": "14 + slant / 5"},
    })  # fmt: skip
    renderer = renderer_of(data)
    units = renderer.recognise(data.test.images[:])
    own = units.values
    states = renderer.states(units, Intervention.shift(torch.tensor([0]), 0.5))[0]
    assert states[:, 0] == pytest.approx(own[:, 0] + 0.5)
    # One half more of thickness, and 5 degrees more of slant, whatever the noise.
    assert states[:, 1] == pytest.approx(own[:, 1] + 5, abs=1e-4)
    assert states[:, 2] == pytest.approx(own[:, 2] + 1, abs=1e-4)
    held = Intervention(
        torch.tensor([[0, 1]]), torch.stack([own[:, 0] + 0.5, own[:, 1]], dim=1)[None]
    )
    assert torch.equal(renderer.states(units, held)[0, :, 1:], own[:, 1:])


def test_what_cannot_be_drawn_is_replaced_by_the_nearest_that_can() -> None:
    data = load(scenario="TI")
    renderer = renderer_of(data)
    units = renderer.recognise(data.test.images[:])
    do = Intervention.set(torch.tensor([0, 1]), torch.tensor([99.0, -5.0]))
    states = renderer.states(units, do)
    assert torch.equal(states[0, :, 0], torch.full((8,), 16.0))
    assert torch.equal(states[1, :, 1], torch.full((8,), 1.0))


def test_reference_digits_follow_nothing() -> None:
    data = load(scenario="TI", references=5)
    renderer = renderer_of(data)
    assert data.reference is not None
    units = renderer.recognise(data.reference.images[:])
    states = renderer.states(units, Intervention.set(torch.tensor([0]), 4.0))[0]
    assert torch.equal(states[:, 1], units.values[:, 1])


def test_an_equation_without_a_finite_value_is_refused() -> None:
    noise = {"distribution": "uniform", "low": 2, "high": 4}
    data = load(equations={
        "thickness": {"expression": "noise", "noise": noise},
        "intensity": {"expression": "200 + log(thickness - 1.5)"},
    })  # fmt: skip
    renderer = renderer_of(data)
    units = renderer.recognise(data.test.images[:])
    with pytest.raises(DataError, match="equation of 'intensity' is not finite"):
        renderer.states(units, Intervention.set(torch.tensor([0]), 1.0))
