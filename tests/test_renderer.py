"""A renderer of flat pictures, whose grey follows from a hidden variable and a concept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.errors import DataError
from causalxai.intervention import Action, Intervention
from causalxai.renderer import Mechanism, StructuralRenderer

NOISE = torch.tensor([0.01, 0.02, 0.03], dtype=torch.float64)
LIGHT = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
LIGHT_COLUMN, HIDDEN, GREY = 0, 1, 2


class Flat(StructuralRenderer):
    """light → hidden = 2 light + noise → grey = hidden / 2; light and grey are concepts."""

    def __init__(self, follows: Tensor | None = None) -> None:
        hidden = 2 * LIGHT + NOISE
        own = torch.stack([LIGHT, hidden, hidden / 2], dim=1)
        super().__init__(
            concepts=[Concept("light", 0.0, 0.4), Concept("grey", 0.0, 1.0)],
            columns=[LIGHT_COLUMN, GREY],
            pictures=[self._draw(torch.arange(3), own)],
            own=own,
            mechanisms=[
                Mechanism(HIDDEN, (LIGHT_COLUMN,), lambda i, v: 2 * v[..., 0] + NOISE[i]),
                Mechanism(GREY, (HIDDEN,), lambda i, v: v[..., HIDDEN] / 2),
            ],
            follows=follows,
        )

    @property
    def errors(self) -> tuple[float, ...]:
        return 0.0, 0.0

    @property
    def mask_names(self) -> tuple[str, ...]:
        return ("bright",)

    def _drawable(self, values: Tensor) -> Tensor:
        return values.clamp(torch.zeros(2), torch.tensor([0.4, 1.0]))

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return values.float()[:, :, None, None].expand(-1, -1, 2, 2).contiguous()

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        return images[:, [LIGHT_COLUMN, GREY], 0, 0]

    def _masks(self, individuals: Tensor, values: Tensor) -> dict[str, Tensor]:
        return {"bright": self._draw(individuals, values)[:, GREY] > 0.25}


def pictures() -> Tensor:
    return Flat()._pictures[0][:]


def test_pictures_are_recognised_and_drawn_again() -> None:
    renderer = Flat()
    units = renderer.recognise(pictures()[[2, 0]])
    assert torch.equal(units.residual["individual"], torch.tensor([2, 0]))
    states = renderer.states(units, Intervention.none())
    assert torch.equal(states[0], units.values)
    assert torch.equal(renderer.draw(units, states)[0], pictures()[[2, 0]])
    assert torch.equal(renderer.measure(units, pictures()[[2, 0]][None])[0], units.values)


def test_what_follows_comes_through_hidden_variables_with_their_own_noise() -> None:
    renderer = Flat()
    units = renderer.recognise(pictures())
    states = renderer.states(units, Intervention.set(torch.tensor([0]), 0.15))
    assert states[0, :, 0] == pytest.approx(torch.full((3,), 0.15))
    assert states[0, :, 1] == pytest.approx((0.15 + NOISE / 2).float())
    # The picture shows the hidden variable as well, which follows from the concepts.
    drawn = renderer.draw(units, states)
    assert drawn[0, :, HIDDEN, 0, 0] == pytest.approx((0.3 + NOISE).float())


def test_an_intervention_goes_on_from_another_state() -> None:
    renderer = Flat()
    units = renderer.recognise(pictures())
    dark = Intervention.set(torch.tensor([0]), 0.05)
    after = Units(renderer.states(units, dark)[0], units.residual)
    assert torch.equal(renderer.states(after, dark)[0], after.values)
    shifted = renderer.states(after, Intervention.shift(torch.tensor([0]), 0.1))[0]
    assert shifted[:, 1] == pytest.approx((0.15 + NOISE / 2).float())
    back = Intervention(torch.tensor([[0]]), units.values[None, :, :1])
    assert torch.equal(renderer.states(after, back)[0], units.values)


def test_what_is_held_does_not_follow() -> None:
    renderer = Flat()
    units = renderer.recognise(pictures())
    own = Intervention(torch.tensor([[0, 1]]), torch.zeros(1, 3, 2), Action.SHIFT)
    moved = Intervention(own.targets, own.values + torch.tensor([0.1, 0.0]), Action.SHIFT)
    assert torch.equal(renderer.states(units, own)[0], units.values)
    assert torch.equal(renderer.states(units, moved)[0, :, 1], units.values[:, 1])


def test_individuals_that_were_drawn_independently_follow_nothing() -> None:
    renderer = Flat(torch.tensor([True, False, True]))
    units = renderer.recognise(pictures())
    states = renderer.states(units, Intervention.set(torch.tensor([0]), 0.15))[0]
    assert (states[:, 1] == units.values[:, 1]).tolist() == [False, True, False]


def test_values_that_cannot_be_drawn_are_clipped_before_others_follow() -> None:
    renderer = Flat()
    units = renderer.recognise(pictures())
    states = renderer.states(units, Intervention.set(torch.tensor([0]), 7.0))[0]
    assert states[:, 0] == pytest.approx(torch.full((3,), 0.4))
    assert states[:, 1] == pytest.approx((0.4 + NOISE / 2).float())


def test_an_unknown_picture_is_refused() -> None:
    with pytest.raises(DataError, match=r"image 1 of 2 is not among the 3 pictures"):
        Flat().recognise(torch.stack([pictures()[0], torch.zeros(3, 2, 2)]))


def test_masks_are_of_each_intervention_and_unit() -> None:
    renderer = Flat()
    units = renderer.recognise(pictures())
    do = Intervention.set(torch.tensor([0, 1]), torch.tensor([0.0, 0.9]))
    masks = renderer.masks(units, renderer.states(units, do))
    assert masks["bright"].shape == (2, 3, 2, 2)
    assert masks["bright"].flatten(1).all(dim=1).tolist() == [False, True]
