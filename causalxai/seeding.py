"""Random generators: a spec has one seed, and each use of it gets an independent generator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

Value = TypeVar("Value")


def derive_seed(seed: int, *names: str) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on the names of what it is used for."""
    digest = hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def torch_generator(seed: int, *names: str) -> torch.Generator:
    """Return a CPU generator for one named use of the seed."""
    return torch.Generator().manual_seed(derive_seed(seed, *names))


def numpy_generator(rng: torch.Generator) -> np.random.Generator:
    """Return a NumPy generator seeded from a torch one, for libraries that need NumPy's."""
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=rng)))


def seeded(build: Callable[[], Value], rng: torch.Generator) -> Value:
    """Return what ``build`` builds, with initial weights that depend on ``rng`` alone.

    PyTorch initialises weights from its global generator. That one is seeded from ``rng`` while
    ``build`` runs, and its state is restored afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (1,), generator=rng)))
        return build()
