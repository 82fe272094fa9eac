"""How much arithmetic an edit of a network needs, by a count that is independent of the oracle.

Counted are the floating-point operations of convolutions, linear layers, matrix products and
attention, two for each multiplication with its addition; all else (activations, normalisation,
pooling, additions) counts nothing, on either side. The naive loop needs a whole forward pass for
each edit. An ideal implementation of the same edits needs

- one forward pass of the images, whose intermediate results it keeps;
- for each edit, in its own layer: nothing for a whole filter, whose output without its weights is
  its bias; for one slice of a kernel, the operations of this slice;
- for each edit, in each operation behind: what is multiplied with changed values. A convolution
  that reads one changed channel of C costs the C-th part, a depthwise convolution likewise, a
  linear layer costs as much as there are changed values; an operation that reads changes
  everywhere costs all. An unchanged branch costs nothing;
- only the rows (tokens) on which the logits depend: behind the last attention of a vision
  transformer, that of the class token alone.

What is changed is found by comparing the inputs of each operation, with the edit and without.
On which rows the logits depend is found by their gradient. No use is made of changes that are
confined to some pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

_UNLIKE = 0.01


@torch.no_grad()
def forward_flops(model: nn.Module, image: Tensor) -> int:
    """Return the operations of one forward pass, as PyTorch's own counter has them."""
    # The mathematical form of attention consists of matrix products, which the counter knows.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(image)
    return int(counter.get_total_flops())


def limit(forward: float, per_edit: float, edits: int) -> float:
    """Return how many times less arithmetic an ideal implementation needs than the naive loop.

    Parameters
    ----------
    forward
        The operations of one forward pass.
    per_edit
        The operations that an edit needs, on average.
    edits
        The number of edits.
    """
    return edits * forward / (forward + edits * per_edit)


class EditArithmetic:
    """Counts what edits of a network need, for one image ``[1, c, h, w]``."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        self.model, self.image = model, image
        self.forward = forward_flops(model, image)
        self._intact = self._run(needed=True)
        counted = sum(operation.flops for operation in self._intact)
        if abs(counted - self.forward) > _UNLIKE * self.forward:
            raise ValueError(
                f"{counted} operations are counted here, but {self.forward} by PyTorch: the "
                "network has an operation that this counter does not know"
            )

    def behind(self, edited: AbstractContextManager[object]) -> float:
        """Return the operations that an edit needs behind its own layer.

        Parameters
        ----------
        edited
            A context in which the network is edited.
        """
        with edited:
            changed = self._run(needed=False)
        pairs = zip(self._intact, changed, strict=True)
        return sum(before.changed_flops(after.inputs) for before, after in pairs)

    def own(self, layer: nn.Module, slices: int) -> float:
        """Return the operations of one of the slices of a layer's weight."""
        runs = [operation for operation in self._intact if operation.weight is layer.weight]
        return sum(run.flops * float(run.needed_rows().float().mean()) for run in runs) / slices

    def _run(self, *, needed: bool) -> list[Operation]:
        with _Recorder() as recorder, torch.set_grad_enabled(needed):
            logits = self.model(self.image.clone().requires_grad_(needed))
        if needed:
            weights = torch.rand(logits.shape, generator=torch.Generator().manual_seed(0))
            (logits * (0.5 + weights.to(logits.device))).sum().backward()
        return recorder.operations


@dataclass
class Operation:
    """One operation that mixes channels.

    Parameters
    ----------
    flops
        Its operations.
    inputs
        The activations that it reads.
    weight
        Its weight, if it has one.
    share
        Takes ``inputs``, which of their values changed, and ``needed_rows``; returns the share of
        the operations that read a change.
    output_rows
        The shape of the output without its features.
    gradient
        The gradient of the logits, once it is known; ``None`` if no logit depends on the output.
    """

    flops: float
    inputs: tuple[Tensor, ...]
    weight: Tensor | None
    share: Callable[[Sequence[Tensor], Tensor], float]
    output_rows: tuple[int, ...]
    gradient: list[Tensor] = field(default_factory=list)

    def needed_rows(self) -> Tensor:
        """Return for each row of the output whether any logit depends on it."""
        if not self.gradient:
            return torch.zeros(self.output_rows, dtype=torch.bool)
        return sum(self.gradient).ne(0).reshape(*self.output_rows, -1).any(-1).cpu()  # type: ignore[union-attr]

    def changed_flops(self, inputs: tuple[Tensor, ...]) -> float:
        """Return the operations that read a change, if these are the inputs under an edit."""
        pairs = zip(self.inputs, inputs, strict=True)
        changed = [before.ne(after).cpu() for before, after in pairs]
        if not any(bool(some.any()) for some in changed):
            return 0.0
        return self.flops * self.share(changed, self.needed_rows())


class _Recorder(TorchFunctionMode):
    """Records all operations that mix channels."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        known = _KNOWN.get(func)
        if known is not None:
            operation = known(output, *args, **kwargs)
            self.operations.append(operation)
            if output.requires_grad:
                output.register_hook(lambda gradient: operation.gradient.append(gradient.detach()))
        return output


def _convolution(output: Tensor, x: Tensor, weight: Tensor, *_: Any, **__: Any) -> Operation:
    flops = 2.0 * output.numel() * weight[0].numel()

    def share(changed: Sequence[Tensor], rows: Tensor) -> float:
        (some,) = changed
        # [n, c]: each channel is read by as many operations as any other.
        return float((some.flatten(2).any(-1) & rows[:, None]).float().mean())

    return Operation(flops, (_kept(x),), weight, share, (len(output),))


def _linear(output: Tensor, x: Tensor, weight: Tensor, *_: Any, **__: Any) -> Operation:
    flops = 2.0 * output.numel() * weight.shape[1]

    def share(changed: Sequence[Tensor], rows: Tensor) -> float:
        (some,) = changed
        return float((some & rows[..., None]).float().mean())

    return Operation(flops, (_kept(x),), weight, share, tuple(output.shape[:-1]))


def _product(output: Tensor, a: Tensor, b: Tensor, **__: Any) -> Operation:
    flops = 2.0 * output.numel() * a.shape[-1]

    def share(changed: Sequence[Tensor], rows: Tensor) -> float:
        return product_share(changed[0], changed[1], rows)

    return Operation(flops, (_kept(a), _kept(b)), None, share, tuple(output.shape[:-1]))


def _attention(output: Tensor, q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> Operation:
    scores = 2.0 * q.shape[:-1].numel() * k.shape[-2] * q.shape[-1]
    answers = 2.0 * output.numel() * k.shape[-2]

    def share(changed: Sequence[Tensor], rows: Tensor) -> float:
        q_changed, k_changed, v_changed = changed
        first = product_share(q_changed, k_changed.mT, rows)
        # A row of the weights changes as a whole: they are divided by their sum.
        moved = q_changed.any(-1, keepdim=True) | k_changed.flatten(-2).any(-1)[..., None, None]
        weights = moved.expand(*q_changed.shape[:-1], k_changed.shape[-2])
        second = product_share(weights, v_changed, rows)
        return (scores * first + answers * second) / (scores + answers)

    inputs = (_kept(q), _kept(k), _kept(v))
    return Operation(scores + answers, inputs, None, share, tuple(output.shape[:-1]))


def product_share(a: Tensor, b: Tensor, rows: Tensor) -> float:
    """Return the share of the products ``a[i, k] * b[k, j]`` that read a changed value.

    Parameters
    ----------
    a, b
        ``[..., m, k]`` and ``[..., k, n]``, which values changed.
    rows
        ``[..., m]``, which rows of the result are needed.
    """
    needed = rows.sum(-1)[..., None].double()
    a_changed = (a & rows[..., None]).sum(-2).double()
    b_changed = b.sum(-1).double()
    m, n = a.shape[-2], b.shape[-1]
    unchanged = (needed - a_changed) * (n - b_changed)
    return float(((needed * n - unchanged) / (m * n)).mean())


def _kept(x: Tensor) -> Tensor:
    # An operation behind may write into the same memory.
    return x.detach().clone()


_KNOWN: dict[Callable[..., Any], Callable[..., Operation]] = {
    torch.conv2d: _convolution,
    F.linear: _linear,
    torch.matmul: _product,
    torch.bmm: _product,
    Tensor.matmul: _product,
    Tensor.bmm: _product,
    Tensor.__matmul__: _product,
    F.scaled_dot_product_attention: _attention,
}


@contextmanager
def removed(weight: Tensor, where: tuple[int, ...]) -> Iterator[None]:
    """Zero a part of a weight, and restore it afterwards."""
    with torch.no_grad():
        before = weight[where].clone()
        weight[where] = 0
        try:
            yield
        finally:
            weight[where] = before
