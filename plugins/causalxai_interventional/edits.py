"""Single edits of one layer's weights, and the change of the layer's output by each.

All fast strategies use one fact: do(w_kn = v) changes only output channel k of its layer, by (v -
1) times the contribution of the edge n → k. The bias is not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EditableLayer = nn.Conv2d | nn.Linear


@dataclass(frozen=True)
class Edits:
    """``q`` edits of one layer.

    Parameters
    ----------
    channel
        ``[q]``, the destination k of each edit.
    source
        ``[q]``, the input channel n of each edit within k's group; ``None`` where each edit applies
        to all edges into k.
    scale
        ``[q, n]``, or ``[q, 1]`` where it is the same for all images: the value set minus one;
        -1 removes the edge.
    """

    channel: Tensor
    source: Tensor | None
    scale: Tensor

    def __len__(self) -> int:
        return self.channel.shape[0]

    def __getitem__(self, rows: slice | Tensor) -> Edits:
        source = None if self.source is None else self.source[rows]
        return Edits(self.channel[rows], source, self.scale[rows])


@dataclass(frozen=True)
class Affine:
    """What a convolution or a linear layer computes.

    Parameters
    ----------
    weight, bias
        The weight ``[O, C, kh, kw]`` or ``[O, C]``, and the bias ``[O]`` or ``None``.
    pad
        For a convolution, the padding (left, right, top, bottom).
    mode
        The mode of the padding, as ``torch.nn.functional.pad`` knows it.
    stride, dilation, groups
        As of the convolution.
    """

    weight: Tensor
    bias: Tensor | None
    pad: tuple[int, ...] = ()
    mode: str = "constant"
    stride: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1

    @classmethod
    def of(cls, module: EditableLayer) -> Affine:
        """Return what a layer computes."""
        if isinstance(module, nn.Linear):
            return cls(module.weight, module.bias)
        return cls(
            module.weight,
            module.bias,
            tuple(module._reversed_padding_repeated_twice),
            "constant" if module.padding_mode == "zeros" else module.padding_mode,
            module.stride,
            module.dilation,
            module.groups,
        )

    @property
    def convolves(self) -> bool:
        """Whether it is a convolution."""
        return self.weight.dim() == 4

    @property
    def axis(self) -> int:
        """The axis of channels in input and output (without leading batch axes)."""
        return 1 if self.convolves else -1

    def padded(self, images: Tensor) -> Tensor:
        """Pad images ``[n, c, h, w]``."""
        return F.pad(images, self.pad, mode=self.mode) if any(self.pad) else images


def pads(
    padding: Sequence[int] | str, kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    """Return the padding of a convolution as (left, right, top, bottom)."""
    if padding == "valid":
        padding = (0, 0)
    if isinstance(padding, str):
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple(side for one in reversed(total) for side in (one // 2, one - one // 2))
    return tuple(side for one in reversed(padding) for side in (one, one))


def weight_name(layer: str) -> str:
    """Return the name of a layer's weight; the layer's name is empty for a single layer."""
    return f"{layer}.weight" if layer else "weight"


def channel_dim(module: EditableLayer) -> int:
    """Return the axis of channels in the layer's output (without leading batch axes)."""
    return 1 if isinstance(module, nn.Conv2d) else -1


def output_change(layer: Affine, inputs: Tensor, output: Tensor, edits: Edits) -> Tensor:
    """Return ``[q, n, ...]``, the change of channel k of the layer's output by each edit.

    Parameters
    ----------
    inputs, output
        The layer's input and output for ``n`` images, ``[n, C, h, w]`` or ``[n, ..., C]``.
    """
    if edits.source is None:
        before = output.movedim(layer.axis, 0)[edits.channel]
        return _scaled(before - _bias_like(layer, edits.channel, before), edits.scale)
    read = inputs.movedim(layer.axis, 0)[_input_channel(layer, edits)]
    return _scaled(_contribution(layer, read, edits), edits.scale)


def output_change_by_row(layer: Affine, inputs: Tensor, output: Tensor, edits: Edits) -> Tensor:
    """Like ``output_change``, with separate inputs and outputs ``[q, n, ...]`` for each edit."""
    rows = torch.arange(len(edits), device=inputs.device)
    # The leading axis q shifts positive positions by one.
    dim = layer.axis if layer.axis < 0 else layer.axis + 1
    if edits.source is None:
        before = output.movedim(dim, 1)[rows, edits.channel]
        return _scaled(before - _bias_like(layer, edits.channel, before), edits.scale)
    read = inputs.movedim(dim, 1)[rows, _input_channel(layer, edits)]
    return _scaled(_contribution(layer, read, edits), edits.scale)


def _input_channel(layer: Affine, edits: Edits) -> Tensor:
    assert edits.source is not None
    if layer.groups == 1:
        return edits.source
    sources, per_group = layer.weight.shape[1], layer.weight.shape[0] // layer.groups
    return edits.channel // per_group * sources + edits.source


def _contribution(layer: Affine, read: Tensor, edits: Edits) -> Tensor:
    """Return each edge's contribution to its destination from its source ``[q, n, ...]``."""
    weight = layer.weight[edits.channel, edits.source]
    if not layer.convolves:
        return read * weight.view(-1, *[1] * (read.dim() - 1))
    # The q edges become the channels of one depth-wise convolution: [q, n, h, w] is transposed to
    # [n, q, h, w], and back.
    padded = layer.padded(read.transpose(0, 1))
    return F.conv2d(
        padded, weight[:, None], stride=layer.stride, dilation=layer.dilation, groups=len(weight)
    ).transpose(0, 1)


def _bias_like(layer: Affine, channel: Tensor, before: Tensor) -> Tensor | float:
    if layer.bias is None:
        return 0.0
    return layer.bias[channel].view(-1, *[1] * (before.dim() - 1))


def _scaled(change: Tensor, scale: Tensor) -> Tensor:
    return change * scale.view(*scale.shape, *[1] * (change.dim() - 2)).to(change.dtype)
