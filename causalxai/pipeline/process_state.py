"""The state of the process that all parts of a run share: settings and global generators."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from causalxai.seeding import derive_seed

_MAX_NUMPY_SEED = 2**32

_SETTINGS: Mapping[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": (torch.get_default_device, torch.set_default_device),
    "torch's gradient mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's use of deterministic algorithms": (
        torch.get_deterministic_debug_mode,
        torch.set_deterministic_debug_mode,
    ),
    "torch's precision of matrix products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "the working directory": (os.getcwd, os.chdir),
}


@contextmanager
def restored(seed: int, stage: str) -> Iterator[list[str]]:
    """Restore the settings of the process after the block, and its global random generators.

    In the block the generators of torch, NumPy and ``random`` start from the seed, so that a
    plugin that draws from them gives the same results in every run.

    Parameters
    ----------
    seed
        The seed of the run.
    stage
        The stage; each has generators of its own.

    Yields
    ------
    list
        After the block, the names of the settings that it left changed.
    """
    before = {name: read() for name, (read, _) in _SETTINGS.items()}
    changed: list[str] = []
    with _own_generators(derive_seed(seed, "global generators", stage)):
        try:
            yield changed
        finally:
            for name, (read, restore) in _SETTINGS.items():
                if read() != before[name]:
                    changed.append(name)
                    restore(before[name])


@contextmanager
def _own_generators(seed: int) -> Iterator[None]:
    """Seed the global generators in the block, and restore their states afterwards."""
    used = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    of_numpy, of_python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=used):
        torch.default_generator.manual_seed(seed)
        for device in used:
            torch.cuda.default_generators[device].manual_seed(seed)
        np.random.seed(seed % _MAX_NUMPY_SEED)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(of_numpy)
            random.setstate(of_python)
