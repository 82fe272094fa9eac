"""The largest value of each window of pixels, on a processor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor


def max_pool2d(
    images: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> Tensor:
    """Return the maxima of windows, as ``torch.ops.aten.max_pool2d`` does.

    PyTorch's own operation looks for the place of each maximum, too, pixel by pixel. If windows lie
    side by side in images whose channels are not last in memory, the maxima alone are found about
    seven times as fast by comparing whole rows and then whole columns.

    Parameters
    ----------
    images
        ``[n, c, h, w]``.
    kernel_size, stride, padding, dilation, ceil_mode
        As of ``torch.ops.aten.max_pool2d``.
    """
    side_by_side = (
        list(stride) in ([], list(kernel_size))
        and not any(padding)
        and set(dilation) == {1}
        and not ceil_mode
    )
    if not side_by_side or images.device.type != "cpu" or not images.is_contiguous():
        own: Tensor = torch.ops.aten.max_pool2d.default(
            images, kernel_size, stride, padding, dilation, ceil_mode
        )
        return own
    return _largest(_largest(images, -2, kernel_size[0]), -1, kernel_size[-1])


def _largest(values: Tensor, axis: int, size: int) -> Tensor:
    """Return the maxima of ``size`` neighbours each on an axis; those left over are left out."""
    whole = values.narrow(axis, 0, values.shape[axis] // size * size)
    windows: Tensor = whole.unflatten(axis, (-1, size))
    # The axis of a window's entries is behind the axis of windows.
    return reduce(torch.maximum, windows.unbind(axis))
