from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from causalxai.config import load_spec

VARIANTS: list[dict[str, Any]] = [
    {},
    {"seed": 2**60, "device": "cuda:0", "memory_mb": 1},
    {"images": {"classes": [3, "8", "yes", "1e3", "null", "a: b", "größe"], "only": "any"}},
    {"dataset": {"use": "folder", "path": "~/images", "size": [1, 2], "label": "2020-01-01"}},
    {"classifier": {"use": "lenet", "rate": 1e-7, "phases": [{"warmup": 3}, {"kind": "step"}]}},
    {"concepts": {"weights": {"fc": 1e-300, "3": 0.1}, "layers": ["a", "b"]}},
    {"concepts": "pixels", "metrics": []},
    {
        "graph": {
            "background": {"required": [["a", "b"]], "tiers": [["a"], ["b", "c"]]},
            "threshold": 0.25,
            "pruning": {"rule": "fixed", "value": 2},
            "stop": {"patience": 4},
        }
    },
    {
        "method": None,
        "concepts": "parameters",
        "oracle": "parameters",
        "graph": "interventional",
        "explain": "interventional",
    },
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_resolved_spec_loads_as_itself(
    minimal: dict[str, Any], variant: dict[str, Any], write: Callable[[str], str]
) -> None:
    spec = load_spec(minimal | variant)
    again = load_spec(write(spec.to_yaml()))
    assert again == spec
    assert again.to_yaml() == spec.to_yaml()


def test_all_defaults_are_written_out(minimal: dict[str, Any]) -> None:
    spec = load_spec({**minimal, "concepts": "pixels", "metrics": ["deletion"]})
    assert spec.to_yaml() == (
        "causalxai: 1\nname: test\nseed: 0\ndevice: auto\n"
        "dataset:\n  use: digits\n"
        "classifier:\n  use: lenet\n  epochs: 5\n  rate: 0.001\n  augment: false\n"
        "  schedule:\n    kind: cosine\n    warmup: 0\n  phases: []\n"
        "method: interventional\n"
        "concepts:\n  use: pixels\n  patch: 4\n"
        "oracle:\n  use: parameters\n"
        "graph:\n  use: interventional\n"
        "  background:\n    required: []\n    forbidden: []\n    tiers: []\n"
        "  threshold: relative\n  pruning:\n    rule: share\n    share: 0.1\n  stop: null\n"
        "explain:\n  use: interventional\n"
        "images:\n  split: test\n  classes: null\n  count: 8\n  only: correct\n"
        "  target: predicted\n"
        "metrics:\n- use: deletion\n  steps: 10\n"
        "memory_mb: 4096\nbudget: null\n"
    )
