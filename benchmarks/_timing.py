"""Times of two sides in one process, and what the machine is."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import torch

T = TypeVar("T")

_TOLD_OPERATIONS = 5


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what ``work`` returns, and its seconds.

    On a CPU these are the seconds for which the process computed: what else runs on the machine
    then matters less. With one thread they are the seconds that it takes on a quiet machine.
    """
    if torch.get_default_device().type == "cpu":
        started = time.process_time()
        result = work()
        return result, time.process_time() - started
    torch.accelerator.synchronize()
    started = time.perf_counter()
    result = work()
    torch.accelerator.synchronize()
    return result, time.perf_counter() - started


def profile(work: Callable[[], object]) -> list[list[object]]:
    """Return the names of the longest operations of ``work``, each with its share of the time."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    with profiled(activities=[ProfilerActivity.CPU]) as found:
        work()
    own = {event.key: float(event.self_cpu_time_total) for event in found.key_averages()}
    total = sum(own.values())
    longest = sorted(own, key=lambda name: own[name], reverse=True)[:_TOLD_OPERATIONS]
    return [[name, round(own[name] / total, 3)] for name in longest]


def machine() -> dict[str, Any]:
    """Return what the figures of this machine depend on, and today's date."""
    return {
        "benchmark": "machine",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "accelerator": _accelerator(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _cpu_name() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _accelerator() -> str | None:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
