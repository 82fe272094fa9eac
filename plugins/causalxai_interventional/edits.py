"""Single edits of one layer's weights, and the change of the layer's output by each.

All fast strategies use one fact: do(w_kn = v) changes only output channel k of its layer, by (v -
1) times the contribution of the edge n → k. A neuron is all edges into k and the bias; a head is
all edges out of its part of the layer's input, so that it changes all output channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EditableLayer = nn.Conv2d | nn.Linear

Granularity = Literal["slice", "filter", "neuron", "head"]
"""What one edit scales: the edge n → k, all edges into k, these and the bias of k, or all edges out
of one head of attention."""


def editable_layer(model: nn.Module, name: str) -> EditableLayer:
    """Return a network's convolution or linear layer by name."""
    module = model.get_submodule(name)
    assert isinstance(module, nn.Conv2d | nn.Linear)
    return module


@dataclass(frozen=True)
class Edits:
    """``q`` edits of one layer.

    Parameters
    ----------
    channel
        ``[q]``, the destination k of each edit; of heads, the head.
    source
        ``[q]``, the input channel n of each edit within k's group; ``None`` where edits are no
        single edges.
    scale
        ``[q, n]``, or ``[q, 1]`` where it is the same for all images: the value set minus one;
        -1 removes the edge.
    granularity
        What each edit scales.
    heads
        The number of heads whose results the layer reads side by side; 1 without heads.
    """

    channel: Tensor
    source: Tensor | None
    scale: Tensor
    granularity: Granularity
    heads: int = 1

    def __len__(self) -> int:
        return self.channel.shape[0]

    def __getitem__(self, rows: slice | Tensor) -> Edits:
        if isinstance(rows, slice) and rows == slice(0, len(self)):
            return self
        source = None if self.source is None else self.source[rows]
        return replace(self, channel=self.channel[rows], source=source, scale=self.scale[rows])


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


def bias_name(layer: str) -> str:
    """Return the name of a layer's bias."""
    return f"{layer}.bias" if layer else "bias"


def scaled_parameters(
    layer: str, module: EditableLayer, granularity: Granularity
) -> dict[str, Tensor]:
    """Return the parameters of a layer that edits scale, by name."""
    scaled = {weight_name(layer): module.weight}
    if granularity == "neuron" and module.bias is not None:
        scaled[bias_name(layer)] = module.bias
    return scaled


def edited_parameters(
    layer: str,
    module: EditableLayer,
    edits: Edits,
    values: Tensor,
    known: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Tensor]:
    """Return copies of a layer's parameters in which all edits are made at once.

    Parameters
    ----------
    layer, module
        The layer's name, and the layer.
    edits
        ``q`` edits; their ``scale`` is not read.
    values
        ``[q]``, by what each edit multiplies its weights.
    known
        What the parameters are before the edits, if not the layer's own, by name.
    """
    own = scaled_parameters(layer, module, edits.granularity)
    edited = {name: known.get(name, parameter).clone() for name, parameter in own.items()}
    weight, *bias = edited.values()
    values = values.to(weight.dtype)
    if edits.granularity == "head":
        weight.unflatten(1, (edits.heads, -1))[:, edits.channel] *= values[:, None]
        return edited
    where = (edits.channel,) if edits.source is None else (edits.channel, edits.source)
    weight[where] *= values.view(-1, *[1] * (weight.dim() - len(where)))
    for one in bias:
        one[edits.channel] *= values.to(one.dtype)
    return edited


def channel_dim(module: EditableLayer) -> int:
    """Return the axis of channels in the layer's output (without leading batch axes)."""
    return 1 if isinstance(module, nn.Conv2d) else -1


def output_change(layer: Affine, inputs: Tensor, output: Tensor, edits: Edits) -> Tensor:
    """Return ``[q, n, ...]``, the change of channel k of the layer's output by each edit.

    Of heads it is ``[q, n, ..., O]``, the change of the whole output.

    Parameters
    ----------
    inputs, output
        The layer's input and output for ``n`` images, ``[n, C, h, w]`` or ``[n, ..., C]``.
    """
    if edits.granularity == "head":
        by_head = inputs.unflatten(-1, (edits.heads, -1)).movedim(-2, 0)
        return _scaled(_of_heads(layer, by_head[edits.channel], edits), edits.scale)
    if edits.source is None:
        before = output.movedim(layer.axis, 0)[edits.channel]
        return _scaled(_without_bias(layer, before, edits), edits.scale)
    read = inputs.movedim(layer.axis, 0)[_input_channel(layer, edits)]
    return _scaled(_contribution(layer, read, edits), edits.scale)


def output_change_by_row(layer: Affine, inputs: Tensor, output: Tensor, edits: Edits) -> Tensor:
    """Like ``output_change``, with separate inputs and outputs ``[q, n, ...]`` for each edit."""
    rows = torch.arange(len(edits), device=inputs.device)
    # The leading axis q shifts positive positions by one.
    dim = layer.axis if layer.axis < 0 else layer.axis + 1
    if edits.granularity == "head":
        by_head = inputs.unflatten(-1, (edits.heads, -1)).movedim(-2, 1)
        return _scaled(_of_heads(layer, by_head[rows, edits.channel], edits), edits.scale)
    if edits.source is None:
        before = output.movedim(dim, 1)[rows, edits.channel]
        return _scaled(_without_bias(layer, before, edits), edits.scale)
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


def _of_heads(layer: Affine, read: Tensor, edits: Edits) -> Tensor:
    """Return what each edit's head ``[q, n, ..., d]`` adds to the output, ``[q, n, ..., O]``."""
    weight = layer.weight.unflatten(1, (edits.heads, -1)).permute(1, 2, 0)[edits.channel]
    added: Tensor = read.flatten(1, -2) @ weight
    return added.view(*read.shape[:-1], -1)


def _without_bias(layer: Affine, before: Tensor, edits: Edits) -> Tensor:
    """Return what of each edit's channel ``[q, n, ...]`` the edit scales."""
    if layer.bias is None or edits.granularity == "neuron":
        return before
    return before - layer.bias[edits.channel].view(-1, *[1] * (before.dim() - 1))


def _scaled(change: Tensor, scale: Tensor) -> Tensor:
    return change * scale.view(*scale.shape, *[1] * (change.dim() - 2)).to(change.dtype)
