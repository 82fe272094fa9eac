"""Convolutions as products of matrices, and products of what single channels change.

A convolution's weight is laid out for them as ``[kh * kw, C, O]``: for each pixel of the kernel a
matrix from input channels to output channels. Images have their channels last, so that a pixel of
the kernel reads all channels at neighbouring places of the memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from causalxai.network.exported import ExportedNetwork
from causalxai_interventional.blocks import argument, name_of
from causalxai_interventional.calls import affine_of, groups_of
from causalxai_interventional.edits import Affine
from causalxai_interventional.kept_constants import KeptConstants

_FEW_PIXELS = 9

Product = Literal["patches", "images"]
"""What is multiplied with a convolution's weights: the patch of the image that each output pixel
reads, or the whole image for all output pixels at once."""


def product_of(network: ExportedNetwork, node: fx.Node) -> Product | None:
    """Return as which product a node is computed fastest; ``None`` if not as a product.

    Products of whole images take less arithmetic if kernels mostly read padding: for a kernel of
    3 x 3 on padded images of 2 x 2, 16 in place of 36 products of channels.
    """
    if name_of(node) != "conv2d" or groups_of(node) != 1 or network.batch_axis(node) != 0:
        return None
    after = math.prod(network.shape(node, 1)[2:])
    before = math.prod(network.shape(argument(node, 0), 1)[2:])
    kernel = math.prod(network.shape(argument(node, 1), 1)[2:])
    if 2 * max(before, after) <= kernel:
        return "images"
    return "patches" if after <= _FEW_PIXELS else None


def convolved(
    network: ExportedNetwork, node: fx.Node, images: Tensor, known: KeptConstants
) -> Tensor:
    """Convolve images by the product that ``product_of`` names, ``[n, O, h, w]``."""
    layer, size = affine_of(node, known), network.shape(node, 1)[2:]
    if product_of(network, node) == "images":
        sizes = (network.shape(argument(node, 0), 1)[2:], size)
        weight = known.made(
            argument(node, 1), f"for images, {node.name}", lambda: _of_images(layer, *sizes)
        )
        bias = None if layer.bias is None else layer.bias.repeat(math.prod(size))
        rows = images.movedim(1, -1).flatten(1)
        whole = F.linear(rows, weight.mT, bias).view(len(rows), *size, -1)
    else:
        weight = matrices(layer.weight).flatten(0, 1)
        whole = F.linear(patches(layer, images, size), weight.mT, layer.bias)
    return whole.movedim(-1, 1)


def matrices(weight: Tensor) -> Tensor:
    """View the weight of a convolution or a linear layer as ``[kh * kw, C, O]``."""
    if weight.dim() == 2:
        return weight.mT[None]
    return weight.permute(2, 3, 1, 0).flatten(0, 1)


def contiguous_matrices(node: fx.Node, known: KeptConstants) -> Tensor:
    """Return the weight of a layer's call as ``[kh * kw, C, O]``, contiguous for convolutions."""
    weight: Tensor = known[argument(node, 1)]
    if weight.dim() == 2:
        return matrices(weight)
    by_channel: Tensor = known.made(
        argument(node, 1), "matrices", lambda: matrices(weight).contiguous()
    )
    return by_channel


def patches(layer: Affine, images: Tensor, size: Sequence[int]) -> Tensor:
    """Return what a convolution reads for each output pixel, ``[n, h, w, kh * kw * C]``."""
    if layer.weight.shape[2:] == (1, 1) and layer.stride == (1, 1) and not any(layer.pad):
        return images.movedim(1, -1)
    padded = layer.padded(images).movedim(1, -1).contiguous()
    image, row, column, channel = padded.stride()
    (down, right), (by_row, by_column) = layer.stride, layer.dilation
    return padded.as_strided(
        (len(padded), *size, *layer.weight.shape[2:], padded.shape[-1]),
        (image, down * row, right * column, by_row * row, by_column * column, channel),
    ).flatten(3)


def of_blocks(weight: Tensor, blocks: Tensor, width: int) -> Tensor:
    """Return the rows of matrices by which blocks of input channels are multiplied.

    Parameters
    ----------
    weight
        ``[kh * kw, C, O]``.
    blocks
        ``[q]``, numbers of blocks.
    width
        The channels of a block.

    Returns
    -------
    Tensor
        ``[q, kh * kw * width, O]``.
    """
    rows: Tensor = weight.unflatten(1, (-1, width))[:, blocks]
    return rows.transpose(0, 1).flatten(1, 2)


def grouped_product(rows: Tensor, blocks: Tensor, weight: Tensor, width: int) -> Tensor:
    """Return for each edit the product of its rows and the matrix of its block.

    Parameters
    ----------
    rows
        ``[q, r, kh * kw * width]``.
    blocks
        ``[q]``, the number of each edit's block, in ascending order.
    weight
        ``[kh * kw, C, O]``.
    width
        The channels of a block.

    Returns
    -------
    Tensor
        ``[q, r, O]``.
    """
    unique, counts = torch.unique_consecutive(blocks, return_counts=True)
    matrices = of_blocks(weight, unique, width)
    if bool((counts == counts[0]).all()):
        grouped: Tensor = rows.unflatten(0, (len(unique), -1)).flatten(1, 2)
        return (grouped @ matrices).view(*rows.shape[:2], -1)
    whole = rows.new_empty(*rows.shape[:2], weight.shape[2])
    ends = [0, *counts.cumsum(0).tolist()]
    for matrix, (start, stop) in zip(matrices, pairwise(ends), strict=True):
        torch.matmul(rows[start:stop], matrix, out=whole[start:stop])
    return whole


def _of_images(layer: Affine, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Return the matrix from all pixels of an image to all pixels of its convolution.

    Parameters
    ----------
    layer
        The convolution.
    before, after
        The height and width of its images and of its outputs.

    Returns
    -------
    Tensor
        ``[h * w * C, h' * w' * O]``.
    """
    weight = matrices(layer.weight)
    left, _, top, _ = layer.pad or (0, 0, 0, 0)
    columns = layer.weight.shape[3]
    y, x = (_read_by(axis, before, after, layer, start) for axis, start in ((0, top), (1, left)))
    nothing = len(weight)
    both = (y >= 0)[:, None, :, None] & (x >= 0)[None, :, None]
    place = (y * columns)[:, None, :, None] + x[None, :, None]
    place = torch.where(both, place, nothing).flatten(2).flatten(0, 1).to(weight.device)
    padded = torch.cat([weight, torch.zeros_like(weight[:1])])
    return padded[place.T].transpose(1, 2).flatten(2).flatten(0, 1)


def _read_by(
    axis: int, before: Sequence[int], after: Sequence[int], layer: Affine, start: int
) -> Tensor:
    """Return for each output and input the place in the kernel, on one axis; -1 for none."""
    outputs, inputs = torch.arange(after[axis])[:, None], torch.arange(before[axis])
    distance = inputs + start - outputs * layer.stride[axis]
    place = distance.div(layer.dilation[axis], rounding_mode="floor")
    read = (distance % layer.dilation[axis] == 0) & (place >= 0)
    return torch.where(read & (place < layer.weight.shape[2 + axis]), place, -1)
