"""The scale of embeddings that a twin takes, where some units are hardly ever active."""

from __future__ import annotations

import torch

from causalxai_glance.twin.twin import Twin


def test_units_that_never_vary_are_scaled_by_those_that_do():
    twin = Twin(5, (1, 16, 16), latents=4, channels=8, layers=1)
    rows = torch.linspace(-1, 1, 9)[:, None]
    active = rows / rows.std()
    embeddings = torch.cat([torch.full((9, 3), 7.0), 4 * active, 4 * active], dim=1)
    twin.begin_at(embeddings, torch.full((1, 16, 16), 0.5))
    torch.testing.assert_close(twin.scale, torch.tensor([0.4, 0.4, 0.4, 4, 4]))
    woken = twin.centre.clone()
    woken[1] += 2
    torch.testing.assert_close((woken - twin.centre) / twin.scale, torch.eye(5)[1] * 5)
    assert twin.latents(woken[None]).isfinite().all()


def test_embeddings_that_never_vary_are_left_at_their_scale():
    twin = Twin(3, (1, 16, 16), latents=4, channels=8, layers=1)
    twin.begin_at(torch.full((9, 3), 7.0), torch.full((1, 16, 16), 0.5))
    assert torch.equal(twin.scale, torch.ones(3))
