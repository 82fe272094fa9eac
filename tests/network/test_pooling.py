"""Maxima of windows are those of PyTorch's own operation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from causalxai.network import pooling
from causalxai.network.pooling import max_pool2d


@pytest.fixture(scope="module")
def images():
    values = torch.randn(3, 4, 9, 11, generator=torch.Generator().manual_seed(0))
    values[0, 0, 2, 3] = torch.nan
    values[1, 1, 0, 0] = -torch.inf
    return values


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": [2, 2]},
        {"kernel_size": [3, 2]},
        {"kernel_size": [1, 3], "stride": [1, 3]},
        {"kernel_size": [2, 2], "stride": [1, 1]},
        {"kernel_size": [3, 3], "stride": [2, 2], "padding": [1, 1]},
        {"kernel_size": [2, 2], "dilation": [2, 2]},
        {"kernel_size": [2, 2], "ceil_mode": True},
    ],
)
def test_maxima(settings, last, images):
    layout = torch.channels_last if last else torch.contiguous_format
    given = images.contiguous(memory_format=layout)
    expected = F.max_pool2d(given, **settings)
    torch.testing.assert_close(
        max_pool2d(given, **settings), expected, equal_nan=True, rtol=0, atol=0
    )


def test_windows_side_by_side_are_compared_row_by_row(images, monkeypatch):
    compared = []
    whole = pooling._largest
    monkeypatch.setattr(
        pooling, "_largest", lambda *args: compared.append(args[1:]) or whole(*args)
    )
    max_pool2d(images, [3, 2])
    max_pool2d(images, [3, 2], [1, 1])
    assert compared == [(-2, 3), (-1, 2)]
