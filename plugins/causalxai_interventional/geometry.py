"""The positions of a layer's responses in the image."""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from causalxai_interventional.blocks import argument, name_of
from causalxai_interventional.calls import pair
from causalxai_interventional.dataflow import Dataflow


def stride_of(flow: Dataflow, node: fx.Node) -> tuple[int, int] | None:
    """Return the vertical and horizontal stride of an operation's output in pixels of the image.

    ``None`` if an operation before it changes the size in an unknown way.
    """
    network = flow.network
    strides: dict[fx.Node, tuple[int, int] | None] = {network.images: (1, 1)}
    for step in network.nodes:
        before = [strides[n] for n in step.all_input_nodes if strides.get(n) is not None]
        if step is not network.images:
            own, first = _own_stride(step), before[0] if before else None
            known = own is not None and first is not None
            strides[step] = (first[0] * own[0], first[1] * own[1]) if known else None  # type: ignore[index]
        if step is node:
            break
    return strides.get(node)


def _own_stride(node: fx.Node) -> tuple[int, int] | None:
    match name_of(node):
        case "conv2d":
            return pair(argument(node, 3, "stride") or 1)
        case "max_pool2d" | "avg_pool2d":
            return pair(argument(node, 2, "stride") or node.args[1])
        case name if name.startswith(("adaptive_", "upsample_")):
            return None
    return (1, 1)


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
