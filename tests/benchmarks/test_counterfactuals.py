"""The table of the benchmark of counterfactual pictures says what its lines say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from causalxai.config import load_spec

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def counterfactuals() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("counterfactuals")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
        for name in ("counterfactuals", "results", "_papers"):
            sys.modules.pop(name, None)


def test_generators_are_rows(counterfactuals: ModuleType):
    scores = dict.fromkeys(counterfactuals.METRICS, 0.12345) | {"reversibility": None}
    line = counterfactuals.Line(
        subject="digits, TI", generator="scm-vae", own=(0.91, 1.052), leakage=0.104,
        untouched=0.95, class_kept=0.9, scores=scores, answered=1.0, seconds=61.4,
    )  # fmt: skip
    assert counterfactuals.table([line]).splitlines()[2] == (
        "| digits, TI | scm-vae | 0.91 to 1.05 | 0.10 | 0.95 | 0.90 "
        "| 0.123 | 0.123 | none | 0.123 | 61 |"
    )


@pytest.mark.parametrize("quick", [True, False])
def test_all_parts_have_valid_settings(counterfactuals: ModuleType, quick: bool):
    options = counterfactuals.parser().parse_args(["--quick"] if quick else [])
    found = counterfactuals.subjects(options)
    assert len(found) == 6
    for subject in found.values():
        for parts in counterfactuals.generators(quick=quick).values():
            spec = {"causalxai": 1, "name": "tried", **subject, **parts, "explain": "random"}
            load_spec({**spec, "metrics": list(counterfactuals.METRICS)})
