"""Two processes that divide the batches come to the weights of one that has all of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai.testing import Keeper
from causalxai.training.data_parallel import (
    ALONE,
    Rank,
    batches_divided,
    draw_rows,
    from_first,
    is_first,
    own_rows,
    working_together,
)
from causalxai.training.loop import StepwiseTraining, descend
from causalxai.training.state import TrainingState
from tests.two_processes import in_two_processes

BATCH = 8


class Regression(StepwiseTraining):
    """A small network on noisy inputs, with a buffer that is computed from a process's rows."""

    trains = "the regression"
    terms = shown = ("error", "size")
    save_every = 2

    def __init__(self) -> None:
        super().__init__()
        self.rng = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(40, 5, generator=self.rng)
        self.model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 1))
        for weight in self.model.parameters():
            weight.data = torch.randn(weight.shape, generator=self.rng)
        self.model.register_buffer("seen", torch.zeros(()))
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.05)

    @property
    def state(self) -> TrainingState:
        return TrainingState({"model": self.model}, {"adam": self.optimizer}, self.rng)

    def step(self, number: int) -> Mapping[str, float]:
        rows = own_rows(torch.randint(len(self.inputs), (BATCH,), generator=self.rng))
        inputs = self.inputs[rows]
        noisy = inputs + 0.1 * draw_rows(torch.randn, inputs.shape, self.rng)
        self.model.seen += inputs.mean()
        outputs = self.model(noisy)[:, 0]
        terms = {
            "error": F.mse_loss(outputs, inputs.prod(dim=1)),
            "size": 0.1 * outputs.square().mean(),
        }
        return descend(self.optimizer, terms, steepest=1.0)


def trained(keeper: Keeper | None = None) -> dict[str, Any]:
    training = Regression()
    history = training.run(5, remedy="", checkpoint=(keeper or Keeper()).checkpoint)
    return {"history": history, **training.model.state_dict()}


def trained_and_told() -> dict[str, Any]:
    return {**trained(), "process": from_first(lambda: torch.tensor(os.getpid()))}


def test_two_processes_come_to_the_weights_of_one(tmp_path: Path) -> None:
    alone = trained()
    first, second = in_two_processes(trained_and_told, tmp_path)
    assert first.pop("process") == second.pop("process") != os.getpid()
    assert first.keys() == second.keys() == alone.keys()
    for name, found in first.items():
        assert torch.equal(found, second[name])
        if name != "seen":
            torch.testing.assert_close(found, alone[name], rtol=1e-4, atol=1e-6)


def shares(rank: Rank, draw: Any, rows: int) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    with working_together(rank), batches_divided():
        return draw_rows(draw, (rows, 3), rng)


def test_each_row_has_the_draws_that_it_has_alone() -> None:
    for draw in (torch.randn, torch.rand, partial(torch.randint, 9)):
        whole = shares(ALONE, draw, 6)
        parts = [shares(Rank(index, 3), draw, 2) for index in range(3)]
        for index, part in enumerate(parts):
            assert torch.equal(part, whole[index::3])


def test_rows_are_divided_in_a_training_alone() -> None:
    rows = torch.arange(6)
    with working_together(Rank(1, 2)):
        assert torch.equal(own_rows(rows), rows)
        with batches_divided():
            assert own_rows(rows).tolist() == [1, 3, 5]
            assert own_rows(torch.arange(5), even=False).tolist() == [1, 3]
        assert torch.equal(own_rows(rows), rows)


def test_rows_that_cannot_be_divided_are_told() -> None:
    with working_together(Rank(0, 4)), batches_divided():
        with pytest.raises(CapabilityError, match=r"batch of 6 images .* 4 .* a multiple of 4"):
            own_rows(torch.arange(6))
        with pytest.raises(CapabilityError, match=r"batch of 3 images .* a larger batch"):
            own_rows(torch.arange(3), even=False)


def test_a_process_alone_is_the_first_and_makes_everything_itself() -> None:
    assert is_first()
    assert from_first(lambda: "made") == "made"
