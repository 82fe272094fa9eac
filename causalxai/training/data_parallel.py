"""Data parallel training: several processes do one training, each on its rows of every batch.

All of them draw the same batches from the same generator, each computes the gradient of its own
rows, and all take the same step along the mean of the gradients. Where a process works alone, the
functions here leave everything as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Rank:
    """Which of several processes this one is.

    Parameters
    ----------
    index
        From 0 to ``count - 1``; the first alone reads and writes the store.
    count
        The number of processes.
    """

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the first, or the only one."""
        return self.index == 0


ALONE = Rank()
"""A process that works alone."""

_together: ContextVar[Rank] = ContextVar("rank in a run", default=ALONE)
_training: ContextVar[Rank] = ContextVar("rank in a training", default=ALONE)


@contextmanager
def working_together(rank: Rank) -> Iterator[None]:
    """Let all processes do what is in the block, in which they train together."""
    before = _together.set(rank)
    try:
        yield
    finally:
        _together.reset(before)


@contextmanager
def batches_divided() -> Iterator[Rank]:
    """Divide the batches in the block, the loop of a training, among the processes."""
    before = _training.set(_together.get())
    try:
        yield _training.get()
    finally:
        _training.reset(before)


def is_first() -> bool:
    """Return whether this process is the first of those that work together, or works alone."""
    return _together.get().first


def from_first(make: Callable[[], Value]) -> Value:
    """Return what the first process makes, in all processes that work together.

    Parameters
    ----------
    make
        Is called in the first process alone, and returns something that can be pickled.
    """
    rank = _together.get()
    if rank == ALONE:
        return make()
    from accelerate.utils import broadcast_object_list

    values: list[Value] = broadcast_object_list([make() if rank.first else None])
    return values[0]


def own_rows(rows: Tensor, *, even: bool = True) -> Tensor:
    """Return the rows of a batch that this process trains on: every n-th for n processes.

    Parameters
    ----------
    rows
        ``[n, ...]``, of the whole batch.
    even
        Whether each process must have as many rows as the others. Otherwise their losses are to be
        weighted before the gradients are averaged.

    Raises
    ------
    CapabilityError
        If the rows cannot be divided so.
    """
    rank = _training.get()
    if len(rows) < rank.count or (even and len(rows) % rank.count):
        raise CapabilityError(
            f"a batch of {len(rows)} images cannot be divided among {rank.count} processes; choose "
            + (f"a batch_size that is a multiple of {rank.count}" if even else "a larger batch")
        )
    return rows[rank.index :: rank.count]


def draw_rows(
    draw: Callable[..., Tensor], shape: Sequence[int], generator: torch.Generator
) -> Tensor:
    """Draw numbers for the whole batch, and return those that belong to this process's rows.

    So each row has the numbers that it would have if one process did the training.

    Parameters
    ----------
    draw
        A function of a shape and of ``generator``, such as ``torch.randn``.
    shape
        That of the numbers of this process: its rows come first.
    generator
        In the same state in all processes.
    """
    rank = _training.get()
    whole = draw((shape[0] * rank.count, *shape[1:]), generator=generator)
    return whole[rank.index :: rank.count]


@torch.no_grad()
def average_over_processes(tensors: Sequence[Tensor]) -> None:
    """Replace tensors of all processes by their means over the processes, in place."""
    if _training.get() == ALONE:
        return
    from accelerate.utils import reduce

    # One message for all, because each has its delay.
    mean = reduce(torch.cat([tensor.flatten() for tensor in tensors]), "mean")
    parts = mean.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


@torch.no_grad()
def share_buffers(modules: Iterable[nn.Module]) -> None:
    """Give all processes the first one's buffers, which are computed from its own rows."""
    if _training.get() == ALONE:
        return
    from accelerate.utils import broadcast

    for module in modules:
        for buffer in module.buffers():
            buffer.copy_(broadcast(buffer))
