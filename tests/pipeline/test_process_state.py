"""Settings of the process are restored, and global generators start from the seed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from causalxai.pipeline.process_state import restored


def draws() -> list[float]:
    return [float(torch.rand(1)), float(np.random.rand()), random.random()]


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (lambda: torch.set_default_dtype(torch.float64), "torch's default dtype"),
        (lambda: torch.set_default_device("meta"), "torch's default device"),
        (lambda: torch.set_grad_enabled(False), "torch's gradient mode"),
        (lambda: torch.set_num_threads(3), "torch's number of threads"),
        (
            lambda: torch.use_deterministic_algorithms(True),
            "torch's use of deterministic algorithms",
        ),
        (
            lambda: torch.set_float32_matmul_precision("medium"),
            "torch's precision of matrix products",
        ),
        (lambda: os.chdir("/"), "the working directory"),
    ],
)
def test_each_setting_is_restored_and_told(meddle: Callable[[], object], told: str):
    here, dtype, device = Path.cwd(), torch.get_default_dtype(), torch.get_default_device()
    with restored(0, "explain") as changed:
        meddle()
    assert changed == [told]
    assert (Path.cwd(), torch.get_default_dtype()) == (here, dtype)
    assert torch.get_default_device() == device
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "highest"


def test_settings_are_restored_after_an_error_too():
    with pytest.raises(ValueError, match="boom"), restored(0, "explain"):
        torch.set_default_dtype(torch.float64)
        raise ValueError("boom")
    assert torch.get_default_dtype() is torch.float32


def test_global_generators_depend_on_seed_and_stage_alone():
    def drawn(seed: int, stage: str) -> list[float]:
        draws()
        with restored(seed, stage) as changed:
            found = draws()
        assert changed == []
        return found

    first = drawn(0, "explain")
    assert drawn(0, "explain") == first
    others = drawn(1, "explain"), drawn(0, "graph")
    assert all(set(other).isdisjoint(first) for other in others)


def test_global_generators_go_on_as_if_nothing_had_been():
    def seeded() -> None:
        torch.manual_seed(5)
        np.random.seed(5)
        random.seed(5)

    seeded()
    expected = draws()
    seeded()
    with restored(0, "explain"):
        seeded()
        draws()
    assert draws() == expected
