"""What a training keeps: a copy, which going on does not change."""

from __future__ import annotations

import torch
from torch import nn

from causalxai.training.state import TrainingState


def training(seed: int = 0) -> TrainingState:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    return TrainingState({"model": model}, {"adam": optimizer}, torch.Generator().manual_seed(seed))


def go_on(state: TrainingState, steps: int = 3) -> None:
    for _ in range(steps):
        loss = state.modules["model"](torch.randn(4, 3, generator=state.rng)).square().mean()
        state.optimizers["adam"].zero_grad()
        loss.backward()
        state.optimizers["adam"].step()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_record_stays_as_it_is_and_can_be_gone_on_from_twice():
    whole = training()
    go_on(whole)
    record = whole.to_record()
    kept = {name: tensor.clone() for name, tensor in record.tensors.items()}
    go_on(whole)
    end = whole.to_record().tensors
    for seed in (7, 8):
        resumed = training(seed)
        resumed.restore(record)
        go_on(resumed)
        assert same(resumed.to_record().tensors, end)
        assert same(record.tensors, kept)
