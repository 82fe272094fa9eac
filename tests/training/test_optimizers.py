"""Fused optimizers: the same steps, on the devices that have them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.training.optimizers import fused_on


@pytest.mark.parametrize(("device", "fused"), [("cpu", True), ("cuda:1", True), ("mps", None)])
def test_fused_where_pytorch_has_it(device: str, fused: bool | None):
    assert fused_on(torch.device(device)) is fused


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_steps_are_the_same_to_rounding(kind: type[torch.optim.Optimizer]):
    weights = []
    for fused in (fused_on(torch.device("cpu")), False):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 1))
        optimizer = kind(model.parameters(), lr=0.01, fused=fused)
        for _ in range(20):
            optimizer.zero_grad()
            model(torch.randn(8, 5)).square().mean().backward()
            optimizer.step()
        weights.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-6)
