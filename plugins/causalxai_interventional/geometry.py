"""The positions of a layer's responses in the image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from causalxai_interventional.dataflow import Dataflow

_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d)
_POOL_FUNCTIONS = {F.max_pool2d, F.avg_pool2d, torch.max_pool2d}


def stride_of(flow: Dataflow, node: fx.Node) -> tuple[int, int] | None:
    """Return the vertical and horizontal stride of a node's output in pixels of the image.

    ``None`` if an operation before the node changes the size in an unknown way.
    """
    strides: dict[fx.Node, tuple[int, int] | None] = {}
    for step in flow.graph.graph.nodes:
        before = [strides[n] for n in step.all_input_nodes if strides.get(n) is not None]
        if step.op == "placeholder":
            strides[step] = (1, 1)
        elif not before:
            strides[step] = None
        else:
            own = _own_stride(flow, step)
            first = before[0]
            assert first is not None
            strides[step] = None if own is None else (first[0] * own[0], first[1] * own[1])
        if step is node:
            break
    return strides.get(node)


def _own_stride(flow: Dataflow, node: fx.Node) -> tuple[int, int] | None:
    if node.op == "call_module":
        module = flow.graph.get_submodule(str(node.target))
        if isinstance(module, nn.Conv2d):
            return int(module.stride[0]), int(module.stride[1])
        if isinstance(module, _POOLS):
            return _pair(module.stride)
        if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d | nn.Upsample):
            return None
    if node.target in _POOL_FUNCTIONS:
        size = node.args[1] if len(node.args) > 1 else node.kwargs["kernel_size"]
        stride = node.args[2] if len(node.args) > 2 else node.kwargs.get("stride")
        return _pair(stride or size)
    return None if node.target in {F.interpolate, F.adaptive_avg_pool2d} else (1, 1)


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[1])) if isinstance(value, list | tuple) else (value, value)


def place(maps: Tensor, size: tuple[int, int], stride: tuple[int, int] | None) -> Tensor:
    """Resize ``[n, h, w]`` maps to ``size``; each response is a cell of ``stride`` pixels.

    The cells are centred in the image. Borders without cells, where convolutions without padding
    have no response, are 0. Without a known stride, the maps are stretched to the image.
    """
    if stride is None:
        return F.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    axes, inside = [], []
    for pixels, cells, step in zip(size, maps.shape[1:], stride, strict=True):
        centre = torch.arange(pixels, device=maps.device, dtype=maps.dtype) - (pixels - 1) / 2
        position = centre / (step * cells / 2)
        axes.append(position)
        inside.append(position.abs() <= 1)
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    where = torch.stack([columns, rows], dim=-1).expand(len(maps), -1, -1, -1)
    # Without align_corners, -1 and 1 are the outer edges of the outer cells.
    laid = F.grid_sample(maps[:, None], where, padding_mode="border", align_corners=False)[:, 0]
    return laid * (inside[0][:, None] & inside[1][None])
