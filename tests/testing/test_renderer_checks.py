"""Each promise of a renderer is missed by one that breaks it, and by that check."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.dataset import Dataset, Split
from causalxai.intervention import Intervention
from causalxai.renderer import Mechanism, StructuralRenderer
from causalxai.testing import BrokenPromiseError, check_renderer

VALUES = torch.linspace(0.1, 0.4, 6, dtype=torch.float64)


def flat(values: Tensor) -> Tensor:
    return values.float()[:, :, None, None].expand(-1, -1, 2, 2).contiguous()


def twice(_: Tensor, values: Tensor) -> Tensor:
    return 2 * values[..., 0]


class Greys(StructuralRenderer):
    """The second of two greys is twice the first."""

    errors = (0.01, 0.01)
    mask_names = ("lower half",)

    def __init__(self) -> None:
        own = torch.stack([VALUES, 2 * VALUES], dim=1)
        super().__init__(
            [Concept("a", 0.0, 0.5), Concept("b", 0.0, 1.0)],
            [0, 1],
            [flat(own)],
            own,
            [Mechanism(1, (0,), twice)],
        )

    def _drawable(self, values: Tensor) -> Tensor:
        return values.clamp(torch.zeros(2), torch.tensor([0.5, 1.0]))

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return flat(values)

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        return images[:, :, 0, 0]

    def _masks(self, individuals: Tensor, values: Tensor) -> Mapping[str, Tensor]:
        mask = torch.tensor([[False, False], [True, True]])
        return {"lower half": mask.expand(len(values), 2, 2)}


class OtherPictures(Greys):
    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return (flat(values) + 1e-6).clamp(0, 1)


class OfTheBatch(Greys):
    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        # Of two interventions on six pictures there are twelve; of the pictures alone, six.
        return flat(values) * (0.9 if len(values) == 12 else 1.0)


class GoesOn(Greys):
    def states(self, units: Units, interventions: Intervention) -> Tensor:
        states = super().states(units, interventions)
        return states + 0.01 * torch.tensor([0.0, interventions.targets.shape[1]])


class NeverHolds(Greys):
    def states(self, units: Units, interventions: Intervention) -> Tensor:
        states = super().states(units, interventions)
        return torch.stack([states[..., 0], 2 * states[..., 0]], dim=-1)


class NeverMoves(Greys):
    def states(self, units: Units, interventions: Intervention) -> Tensor:
        return units.values.expand(len(interventions), -1, -1)


class LongRuler(Greys):
    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        return 1.1 * images[:, :, 0, 0]


class WrongMasks(Greys):
    def _masks(self, individuals: Tensor, values: Tensor) -> Mapping[str, Tensor]:
        return {"lower half": torch.ones(len(values), 2, 2)}


class StaysHere(Greys):
    def __init__(self) -> None:
        super().__init__()
        self.here = lambda: None


class KnowsEverybody(Greys):
    def recognise(self, images: Tensor) -> Units:
        try:
            return super().recognise(images)
        except Exception:
            return super().recognise(flat(self._own[:1]))


def data_of(renderer: StructuralRenderer | None) -> Dataset:
    own = torch.stack([VALUES, 2 * VALUES], dim=1)
    split = Split(flat(own), torch.tensor([0, 1, 0, 1, 0, 1]), set_concepts=own.float())
    return Dataset(split, split, ("x", "y"), ("a", "b"), reference=split, renderer=renderer)


def test_a_sound_renderer_passes() -> None:
    check_renderer(data_of(Greys()), images=6)


@pytest.mark.parametrize(
    ("renderer", "complaint"),
    [
        (None, "the data set has no renderer"),
        (StaysHere(), "it cannot be pickled"),
        (OtherPictures(), "train: pictures are drawn differently"),
        (OfTheBatch(), "pictures depend on the batch"),
        (GoesOn(), "done twice is not done once"),
        (NeverHolds(), "a concept that is held follows another"),
        (NeverMoves(), "concept 0 does not keep the value"),
        (LongRuler(), "a: .* of 12 measurements are not within 0.01"),
        (WrongMasks(), "mask 'lower half' is torch.float32"),
        (KnowsEverybody(), "a picture that is not of the data set is recognised"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, StructuralRenderer) else "",
)
def test_a_broken_promise_is_named(renderer: StructuralRenderer | None, complaint: str) -> None:
    with pytest.raises(BrokenPromiseError, match=complaint):
        check_renderer(data_of(renderer), images=6)
