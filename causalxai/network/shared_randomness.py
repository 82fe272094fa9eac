"""The generators of random numbers that all code of a process shares."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_SEED = 1_804_289_383
"""The seed of the shared generators while something is tried."""


@contextmanager
def own_randomness() -> Iterator[None]:
    """Seed the generators that all code of a process shares, and put them back afterwards."""
    numbers, plain = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        # A network that seeds them itself is found out by a seed that no one else would use.
        torch.default_generator.manual_seed(_SEED)
        np.random.seed(_SEED)
        random.seed(_SEED)
        try:
            yield
        finally:
            np.random.set_state(numbers)
            random.setstate(plain)


def random_states() -> tuple[object, ...]:
    """Return the states of the generators that all code of a process shares."""
    _, numbers, position, *_ = np.random.get_state(legacy=True)
    accelerators = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    states = [state.numpy().tobytes() for state in (torch.get_rng_state(), *accelerators)]
    return (*states, np.asarray(numbers).tobytes(), position, random.getstate())
