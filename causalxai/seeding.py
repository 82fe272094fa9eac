"""One seed in the spec, an independent generator for each use of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

Value = TypeVar("Value")


def derive_seed(seed: int, *names: str) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on the names of its use."""
    digest = hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def torch_generator(seed: int, *names: str) -> torch.Generator:
    """Return a CPU generator for one named use of the seed."""
    return torch.Generator().manual_seed(derive_seed(seed, *names))


def numpy_generator(rng: torch.Generator) -> np.random.Generator:
    """Draw a NumPy generator from a torch one, for libraries that ask for NumPy's."""
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=rng)))


def seeded(build: Callable[[], Value], rng: torch.Generator) -> Value:
    """Build networks whose initial weights come from ``rng``; torch's own generator is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (1,), generator=rng)))
        return build()
