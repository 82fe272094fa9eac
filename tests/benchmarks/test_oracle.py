"""The benchmark of the oracle: its lines, in small, and what a sweep is estimated from."""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).parents[2]
NAMES = (
    "oracle", "_arithmetic", "_networks", "_oracle_cases", "_oracle_sides", "_oracle_sweep",
    "_timing",
)  # fmt: skip


@pytest.fixture(scope="module")
def module() -> Iterator[Callable[[str], ModuleType]]:
    """Import the benchmark's modules by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        yield importlib.import_module
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def lines(module) -> list[dict[str, object]]:
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda text, **_: printed.append(text))
        patch.setattr(sys, "argv", ["oracle.py", "--quick"])
        sys.exit(module("oracle").main())
    torch.set_num_threads(threads)
    assert not ended.value.code
    return [json.loads(text) for text in printed]


def test_every_line_has_the_other_side_and_the_limit(lines):
    assert [line["case"] for line in lines] == [
        "mnist-net, fc1, 2 images",
        "svhn-net, two thirds, 1 image",
        "svhn-net, sweep, 1 image",
    ]
    for line in lines:
        assert line["ratio_vs_naive"] > 0 and line["limit"] > 0
        assert line["share_of_limit"] == pytest.approx(
            line["ratio_vs_naive"] / line["limit"], rel=0.02
        )
        assert line["limit_in_batches"] >= 0.99 * line["limit"]
    assert [line["ratio_vs_captum"] is None for line in lines] == [True, False, False]


def test_both_sides_give_the_same_logits(lines):
    for line in lines:
        assert math.isfinite(line["median_effect"])
        assert line["max_abs_diff"] < 1e-2 * line["median_effect"]


def test_what_misses_its_goal_has_a_profile(lines):
    of_sweep = lines[-1]
    assert of_sweep["goal"] == 1e9 and of_sweep["met"] is False
    assert sum(share for _, share in of_sweep["profile"]) <= 1
    assert of_sweep["slowest_layer"] in {f"conv{place}" for place in range(1, 7)} | {"fc"}
    assert lines[1]["met"] is None and "profile" not in lines[1]


def test_unmeasured_layers_are_interpolated_by_their_arithmetic(module):
    by_arithmetic = module("_oracle_sweep").by_arithmetic
    needed = [100.0, 75.0, 50.0, 0.0, 200.0]
    assert by_arithmetic(needed, [10.0, None, 4.0, 1.0, None]) == [10, 7, 4, 1, 10]


def test_layers_of_a_sweep_are_spread(module):
    spread = module("_oracle_sweep").spread
    assert spread(9, 3) == [0, 4, 8]
    assert spread(3, 5) == spread(3, None) == [0, 1, 2]


def test_a_goal_may_ask_for_a_share_of_the_limit(module):
    goal = module("_oracle_cases").Goal(3, share=0.8)
    assert not goal.missed_by({"ratio_vs_naive": 3.1, "share_of_limit": 0.81})
    assert goal.missed_by({"ratio_vs_naive": 3.1, "share_of_limit": 0.79})
    assert goal.missed_by({"ratio_vs_naive": 2.9, "share_of_limit": 0.81})


def test_captum_is_asked_for_a_few_filters_and_the_rest(module):
    sides = module("_oracle_sides")
    mask = sides._first_filters(torch.zeros(1, 20, 4, 4), torch.nn.Conv2d(3, 20, 1))
    assert mask.shape == (1, 20, 1, 1) and mask.flatten()[:9].tolist() == [*range(8), 7]
    mask = sides._first_filters(torch.zeros(1, 7, 3), torch.nn.Linear(5, 3))
    assert mask.shape == (1, 1, 3) and mask.flatten().tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", ["MnistNet", "SvhnNet"])
def test_the_plain_networks_refuse_images_of_another_size(module, kind):
    network = getattr(module("_networks"), kind)()
    with pytest.raises(ValueError, match="expected images of shape"):
        network(torch.zeros(1, 3, 30, 30))
