"""Pooling equals PyTorch's, with its first and second derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from causalxai_glance.twin.halving import halved

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def drawn(layout: torch.memory_format, dtype: torch.dtype = torch.float32) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 6, 4, generator=rng, dtype=dtype)
    return images.contiguous(memory_format=layout).requires_grad_()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_pytorchs_pooling_and_keeps_the_memory_layout(layout: torch.memory_format):
    found = []
    for pool in (halved, lambda x: F.avg_pool2d(x, 2)):
        x = drawn(layout)
        y = pool(x)
        (gradient,) = torch.autograd.grad(y.sin().sum(), x)
        assert y.is_contiguous(memory_format=layout)
        assert gradient.is_contiguous(memory_format=layout)
        found.append(torch.cat([y.detach().flatten(), gradient.flatten()]))
    assert torch.equal(*found)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_derivatives_are_those_of_finite_differences(layout: torch.memory_format):
    x = drawn(layout, torch.float64)
    assert torch.autograd.gradcheck(lambda x: halved(x).sin(), x)
    assert torch.autograd.gradgradcheck(lambda x: halved(x).sin(), x)
