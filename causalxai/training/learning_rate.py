"""Schedules of the learning rate, as shares of its peak that depend on the step alone.

A training that continues an interrupted one has to store nothing of its schedule.
"""

from __future__ import annotations

import torch


def linear_warmup(number: int, steps: int) -> float:
    """Return the share of the peak in step ``number``, counted from 0.

    It rises linearly over the first ``steps`` steps, and is 1 from then on.
    """
    return min(1.0, (number + 1) / steps)


def linear_decay(done: float, *, last: float = 0.1, since: float = 0.5) -> float:
    """Return the share of the peak when a part of all steps is done.

    Parameters
    ----------
    done
        The part that is done, in [0, 1].
    last
        The share at the end.
    since
        The part that is done when the rate begins to fall, in [0, 1); it falls linearly.
    """
    return 1 - (1 - last) * max(0.0, (done - since) / (1 - since))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all weights of an optimizer."""
    for group in optimizer.param_groups:
        group["lr"] = rate
