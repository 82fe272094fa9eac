"""dowhy: imported lazily, seeded, without output, and without changes of global state."""

from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np


def dowhy(module: str = "") -> Any:
    """Import dowhy [1]_, or a module of it such as ``gcm``, which takes seconds.

    References
    ----------
    .. [1] Sharma, Kiciman, "DoWhy: an end-to-end library for causal inference", 2020; Blöbaum et
       al., "DoWhy-GCM: an extension of DoWhy for causal inference in graphical causal models",
       JMLR 25, 2024.
    """
    return import_module(f"dowhy.{module}" if module else "dowhy")


@contextmanager
def dowhy_session(rng: np.random.Generator) -> Iterator[None]:
    """Seed the global generators that dowhy uses, without output and in one process.

    All state is restored afterwards: the generators of NumPy and Python, dowhy's settings, its
    logger's level, and the warning filters.
    """
    settings, logger = dowhy("gcm").config, logging.getLogger("dowhy")
    drawn = random.getstate(), np.random.get_state()
    before = settings.show_progress_bars, settings.default_n_jobs, logger.level
    seed = int(rng.integers(2**32))
    random.seed(seed)
    np.random.seed(seed)
    settings.show_progress_bars, settings.default_n_jobs = False, 1
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])
        settings.show_progress_bars, settings.default_n_jobs, level = before
        logger.setLevel(level)
