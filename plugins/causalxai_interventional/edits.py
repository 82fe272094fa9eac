"""Single edits of one layer's weights, and the change of the layer's output by each.

All fast strategies use one fact: do(w_kn = v) changes only output channel k of its layer, by (v -
1) times the contribution of the edge n → k. The bias is not changed.
"""

from __future__ import annotations

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


def weight_name(layer: str) -> str:
    """Return the name of a layer's weight; the layer's name is empty for a single layer."""
    return f"{layer}.weight" if layer else "weight"


def channel_dim(module: EditableLayer) -> int:
    """Return the axis of channels in the layer's output (without leading batch axes)."""
    return 1 if isinstance(module, nn.Conv2d) else -1


def output_change(module: EditableLayer, inputs: Tensor, output: Tensor, edits: Edits) -> Tensor:
    """Return ``[q, n, ...]``, the change of channel k of the layer's output by each edit.

    Parameters
    ----------
    inputs, output
        The layer's input and output for ``n`` images, ``[n, C, h, w]`` or ``[n, ..., C]``.
    """
    if edits.source is None:
        before = output.movedim(channel_dim(module), 0)[edits.channel]
        return _scaled(before - _bias_like(module, edits.channel, before), edits.scale)
    read = inputs.movedim(channel_dim(module), 0)[_input_channel(module, edits)]
    return _scaled(_contribution(module, read, edits), edits.scale)


def output_change_by_row(
    module: EditableLayer, inputs: Tensor, output: Tensor, edits: Edits
) -> Tensor:
    """Like ``output_change``, with separate inputs and outputs ``[q, n, ...]`` for each edit."""
    rows = torch.arange(len(edits), device=inputs.device)
    # The leading axis q shifts positive positions by one.
    dim = channel_dim(module) if channel_dim(module) < 0 else channel_dim(module) + 1
    if edits.source is None:
        before = output.movedim(dim, 1)[rows, edits.channel]
        return _scaled(before - _bias_like(module, edits.channel, before), edits.scale)
    read = inputs.movedim(dim, 1)[rows, _input_channel(module, edits)]
    return _scaled(_contribution(module, read, edits), edits.scale)


def _input_channel(module: EditableLayer, edits: Edits) -> Tensor:
    assert edits.source is not None
    groups = getattr(module, "groups", 1)
    if groups == 1:
        return edits.source
    sources, per_group = module.weight.shape[1], module.weight.shape[0] // groups
    return edits.channel // per_group * sources + edits.source


def _contribution(module: EditableLayer, read: Tensor, edits: Edits) -> Tensor:
    """Return each edge's contribution to its destination from its source ``[q, n, ...]``."""
    weight = module.weight[edits.channel, edits.source]
    if not isinstance(module, nn.Conv2d):
        return read * weight.view(-1, *[1] * (read.dim() - 1))
    padding = module._reversed_padding_repeated_twice
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    padded = F.pad(read.transpose(0, 1), padding, mode=mode)
    # The q edges become the channels of one depth-wise convolution: [q, n, h, w] is transposed to
    # [n, q, h, w], and back.
    return F.conv2d(
        padded, weight[:, None], stride=module.stride, dilation=module.dilation, groups=len(weight)
    ).transpose(0, 1)


def _bias_like(module: EditableLayer, channel: Tensor, before: Tensor) -> Tensor | float:
    if module.bias is None:
        return 0.0
    return module.bias[channel].view(-1, *[1] * (before.dim() - 1))


def _scaled(change: Tensor, scale: Tensor) -> Tensor:
    return change * scale.view(*scale.shape, *[1] * (change.dim() - 2)).to(change.dtype)
