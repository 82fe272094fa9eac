"""Attention whose heads are scaled one by one."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from causalxai_interventional.blocks import Block
from causalxai_interventional.changed_operations import Values, on_everything
from causalxai_interventional.changes import Change, Unedited, Value
from causalxai_interventional.edits import Edits


def scaled_heads(
    unedited: Unedited, node: fx.Node, edits: Edits, values: Values, axis: int
) -> Value:
    """Return an operation's output when each edit scales one head of it.

    Parameters
    ----------
    axis
        The axis on which each head is one entry.
    """
    count, factor = len(edits), 1 + edits.scale
    if not any(source in values for source in node.all_input_nodes):
        block = Block(axis)
        heads = unedited.blocks(node, block, edits.channel, node.meta["val"].dim())
        return Change(edits.channel, _times(heads, factor).flatten(0, 1), block)
    # The input has changed by the same edits, in an earlier run of the same attention.
    whole = on_everything(unedited, node, values, count, owned=False).clone()
    by_head = whole.unflatten(0, (count, -1)).movedim(axis + 1, 1)
    rows = torch.arange(count, device=whole.device)
    before = by_head[rows, edits.channel]
    by_head[rows, edits.channel] = _times(before.flatten(0, 1), factor)
    return whole


def _times(heads: Tensor, factor: Tensor) -> Tensor:
    """Multiply ``[q * n, ...]`` by ``[q, n]`` or ``[q, 1]``; return ``[q, n, ...]``."""
    by_edit: Tensor = heads.unflatten(0, (len(factor), -1))
    return by_edit * factor.view(*factor.shape, *[1] * (heads.dim() - 1)).to(heads.dtype)
