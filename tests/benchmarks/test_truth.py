"""The tables of the benchmark of truth say what its lines say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from causalxai.config import load_grid

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def truth() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("truth")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
        sys.modules.pop("truth", None)


def line(truth: ModuleType, method: str, score: float | None, **more):
    known = {"subject": "digits", "planted": False, "low": None, "high": None, "chance": 0.01}
    known |= {"translated": None, "parts": {}, "reason": "", "seconds": 1.0, **more}
    return truth.Line(method=method, score=score, **known)


def test_methods_are_rows_and_subjects_are_columns(truth: ModuleType):
    lines = [
        line(truth, "one", 0.51234, low=0.4, high=0.6, translated=True),
        line(truth, "two", None, reason="names nothing"),
        line(truth, "one", 1.0, subject="faces", chance=None),
    ]
    assert truth.table(lines).splitlines() == [
        "| method | digits | faces |",
        "| --- | --: | --: |",
        "| one | 0.512† [0.40, 0.60] | 1.000 |",
        "| two | none |  |",
        "| chance | 0.01 |  |",
    ]
    assert list(truth.unscored(lines)) == ["- two (digits): names nothing"]


def test_a_planted_shortcut_is_found_or_missed(truth: ModuleType):
    planted = {"planted": True, "subject": "shortcut"}
    lines = [
        line(truth, "one", 0.9, parts={"strongest concept": 0.8}, **planted),
        line(truth, "two", 0.1, parts={"strongest concept": 0.5}, **planted),
        line(truth, "three", None, **planted),
        line(truth, "four", 0.9, parts={"strongest concept": 1.0}),
    ]
    (told,) = truth.verdicts(lines)
    assert told.startswith("shortcut: ")
    assert told.endswith("in most images by one. Missed by two, three.")


@pytest.mark.parametrize("quick", [True, False])
def test_every_comparison_is_a_sound_spec(truth: ModuleType, quick: bool):
    for name, subject in truth.SUBJECTS.items():
        grid = load_grid(truth.spec_of(name, subject, quick=quick))
        assert len(grid.cells) == len(truth.methods(1))
