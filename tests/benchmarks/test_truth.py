"""The tables of the benchmark of truth say what its lines say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from causalxai.errors import DataError

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


def test_a_classifier_without_any_score_is_told_of_and_has_no_column(truth: ModuleType):
    known = {"planted": True, "reason": "no effects"}
    lines = [line(truth, "one", None, subject="none", **known)]
    lines += [line(truth, "one", 0.5, subject="additive", planted=True)]
    told = truth.tables(lines)
    assert told.startswith("### Planted classifiers\n\n| method | additive |")
    assert told.endswith("- one (none): no effects")
    assert "Trained" not in told


def test_a_planted_shortcut_is_found_or_missed(truth: ModuleType):
    shares = {"one": {"strongest concept": 0.8}, "two": {"strongest concept": 0.5}, "three": {}}
    lines = [
        line(truth, method, 0.9, planted=True, subject="planted shortcut", parts=parts)
        for method, parts in shares.items()
    ]
    told = truth.verdict("striped", lines)
    assert "`striped` alone" in told
    assert told.endswith("by one (0.80). It is missed by two (0.50), three (0.00).")
    assert told in truth.tables(lines)
    # Of a classifier that uses several concepts nothing is told but the scores.
    others = [line(truth, "one", 0.9, planted=True, subject="planted additive")]
    assert "claimed effect" not in truth.tables(others)


def test_lines_are_sorted_by_classifiers_and_methods(truth: ModuleType):
    of = [("faces", "renderer"), ("digits, TI", "random"), ("digits, TI", "GLANCE")]
    lines = [line(truth, method, 0.1, subject=subject) for subject, method in of]
    assert [each.method for each in truth.in_order(lines)] == ["GLANCE", "random", "renderer"]


def test_subjects_are_chosen_by_their_names(truth: ModuleType):
    assert list(truth.chosen("parts; digits, TI")) == ["digits, TI", "parts"]
    assert list(truth.chosen("")) == list(truth.SUBJECTS)
    with pytest.raises(SystemExit, match="no subject part; there are digits, TI; "):
        truth.chosen("part")


@pytest.mark.parametrize("quick", [True, False])
def test_jobs_share_concepts_and_train_every_classifier_first(truth: ModuleType, quick: bool):
    jobs = truth.jobs_of(truth.SUBJECTS, quick=quick)
    first = jobs[: len(truth.SUBJECTS)]
    assert [job.subject for job in first] == list(truth.SUBJECTS)
    assert all(list(job.specs) == ["renderer", "random", "constant"] for job in first)
    assert all(list(job.specs) == ["GLANCE", "GLANCE, single effects"] for job in jobs[10:19])
    done = [(job.subject, method) for job in jobs for method in job.specs]
    assert len(done) == len(set(done))
    assert set(done) == {
        (name, method)
        for name, subject in truth.SUBJECTS.items()
        for method in subject.only or truth.methods(1)
    }


def a_job(truth: ModuleType) -> Any:
    subject = truth.Subject(
        {"use": "shapes", "count": 100, "test_count": 40},
        {"use": "lenet", "epochs": 1},
        {},
        only=("renderer", "random"),
    )
    (job,) = truth.jobs_of({"few": subject}, quick=True)
    return job


def test_a_job_scores_its_methods(truth: ModuleType, tmp_path: Path):
    found = truth.done(a_job(truth), tmp_path, 1)
    exact, guessed = found.lines
    assert (exact.subject, exact.method, exact.planted) == ("few", "renderer", False)
    assert exact.score == pytest.approx(1, abs=1e-3)
    assert exact.parts["sign agreement"] == 1
    assert guessed.method == "random"
    assert guessed.score < 0.9
    assert found.cpu > 0


def test_a_method_that_fails_has_the_reason(
    truth: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fails(*_: object) -> None:
        raise DataError("there are no images")

    monkeypatch.setattr(truth, "open_pipeline", fails)
    found = truth.done(a_job(truth), tmp_path, 1)
    assert [each.score for each in found.lines] == [None, None]
    assert {each.reason for each in found.lines} == {"there are no images"}
