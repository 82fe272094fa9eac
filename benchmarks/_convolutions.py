"""The convolutions of a computation, recorded and repeated alone: what the machine could do."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

_CONVOLUTIONS = (torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default)


@dataclass(frozen=True)
class Like:
    """A tensor's shape and place in memory, without its numbers."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def drawn(self) -> Tensor:
        sides = zip(self.shape, self.stride, strict=True)
        extent = 1 + sum((length - 1) * step for length, step in sides)
        numbers = torch.randn(extent, device=self.device).to(self.dtype)
        return numbers.as_strided(self.shape, self.stride)


class Convolutions(TorchDispatchMode):
    """Counts the convolutions inside ``with``, forward and backward, each with its settings."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[Any, ...]] = Counter()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if function in _CONVOLUTIONS:
            self.calls[function, *map(_described, args)] += 1
        return function(*args, **(kwargs or {}))

    def seconds(self, clock: Callable[[], float]) -> float:
        """Repeat all calls on random numbers; the time of drawing them does not count."""
        total = 0.0
        for (function, *described), count in self.calls.items():
            args = [_drawn(each) for each in described]
            for _ in range(count):
                started = clock()
                function(*args)
                total += clock() - started
        return total

    @property
    def flops(self) -> int:
        return flops(lambda: self.seconds(time.perf_counter))


def flops(work: Callable[[], object]) -> int:
    """Count the arithmetic of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def _described(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return Like(
            tuple(argument.shape), tuple(argument.stride()), argument.dtype, argument.device
        )
    return tuple(argument) if isinstance(argument, list) else argument


def _drawn(described: Any) -> Any:
    if isinstance(described, Like):
        return described.drawn()
    return list(described) if isinstance(described, tuple) else described
