"""The loop of a training: what it keeps, where it goes on, and what ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import nn

from causalxai.errors import DataError
from causalxai.stepwise_training import StepwiseTraining
from causalxai.testing import Keeper, KilledError
from causalxai.training_state import TrainingState


class Walk(StepwiseTraining):
    """A weight that follows drawn targets; every third step has a second term."""

    trains = "the walk"
    terms = ("distance", "toll")
    shown = ("distance",)
    save_every = 3

    def __init__(self, seed: int = 0, breaks_in: int | None = None) -> None:
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.1)
        self.rng = torch.Generator().manual_seed(seed)
        self.breaks_in = breaks_in
        self.taken: list[int] = []

    @property
    def state(self) -> TrainingState:
        return TrainingState({"model": self.model}, {"adam": self.optimizer}, self.rng)

    def step(self, number: int) -> Mapping[str, float]:
        self.taken.append(number)
        loss = (self.model.weight - torch.randn(1, generator=self.rng)).square().sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        toll = {"toll": 1.0} if number % 3 == 0 else {}
        broken = number + 1 == self.breaks_in
        return {"distance": float("nan") if broken else loss.item(), **toll}


def run(walk: Walk, keeper: Keeper, steps: int = 8) -> torch.Tensor:
    return walk.run(steps, remedy="walk slower", checkpoint=keeper.checkpoint)


def test_it_saves_every_so_many_steps_but_not_the_last():
    keeper = Keeper()
    history = run(Walk(), keeper, steps=6)
    assert [record.meta["steps"] for record in keeper.records] == [3]
    assert history.shape == (6, 2)
    assert history.dtype == torch.float64


def test_terms_that_a_step_left_out_are_zero():
    assert run(Walk(), Keeper())[:, 1].tolist() == [1, 0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("kills", [1, 2])
def test_it_goes_on_where_it_was_killed(kills: int):
    whole = Walk()
    history = run(whole, Keeper())
    keeper = Keeper(dies_after=kills)
    with pytest.raises(KilledError):
        run(Walk(), keeper)
    keeper.dies_after = None
    resumed = Walk(seed=99)
    assert torch.equal(run(resumed, keeper), history)
    assert torch.equal(resumed.model.weight, whole.model.weight)
    assert resumed.taken == list(range(3 * kills, 8))


def test_a_checkpoint_of_another_training_is_refused():
    keeper = Keeper()
    run(Walk(), keeper)
    record = keeper.records[-1]
    without = {name: tensor for name, tensor in record.tensors.items() if name != "history"}
    for tensors in (without, {**record.tensors, "history": torch.zeros(3, 5)}):
        keeper.records = [replace(record, tensors=tensors)]
        with pytest.raises(DataError, match="not one of this training: the walk"):
            run(Walk(), keeper)


def test_a_breakdown_names_the_term_the_step_and_the_remedy():
    message = "the training of the walk broke down in step 5: distance is not finite; walk slower"
    with pytest.raises(DataError, match=message):
        run(Walk(breaks_in=5), Keeper())
