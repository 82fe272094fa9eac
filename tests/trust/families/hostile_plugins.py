"""Plugins that raise, exit, lie or meddle at every point of their lives.

They are the distributions in ``tests/trust/plugins``, beside the toys of ``tests/comparison``.
``tests/trust/hostile_tables.py`` says what a run with each of them must end in.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

# What the cases use is imported before their processes are forked: that is ten times faster.
import causalxai.comparison.execution
import causalxai.testing.toys  # noqa: F401
from tests.trust.family import Case, Family
from tests.trust.hostile_runs import (
    call,
    finished,
    install,
    require,
    require_clean,
    start,
    write_spec,
)
from tests.trust.hostile_tables import (
    BOOM,
    END_THE_PROCESS,
    FAIL_AT_THE_BEGINNING,
    FAIL_IN_A_STAGE,
    FAIL_IN_EXPLAIN,
    FAIL_IN_THE_REPORT,
    REFUSED,
    SCORES_THAT_FAIL,
    SCORES_THAT_MEDDLE,
)


def _good_score(folder: Path, spec: Path) -> object:
    done = call("run", spec, "--json", "--out", folder)
    assert done.code == 0, done.err[-500:]
    return json.loads(done.out.splitlines()[-1])["metrics"]["distance"]["value"]


def _fails(
    settings: Mapping[str, Any], told: str, code: int, without: tuple[str, ...], folder: Path
) -> None:
    """A run with the part fails and names it; a run without it is as if nothing had been."""
    install()
    expected = _good_score(folder / "before", write_spec(folder))
    here = Path.cwd()
    (group,) = settings
    part = settings[group][0] if isinstance(settings[group], list) else settings[group]
    runs = folder / "runs"
    done = call("run", write_spec(folder, **settings), "--out", runs)
    require(done, code, told, f"'{part}' ({_GROUPS[group]}) of hostile 1.0")
    assert Path.cwd() == here
    if code == 1:
        require_clean(runs, without=(*without, "report"))
    assert not list(runs.glob("*/report.html")), "a report was written"
    if part != "patches-libraries":
        assert _good_score(runs, write_spec(folder)) == expected


_GROUPS = {
    "dataset": "datasets",
    "classifier": "classifiers",
    "concepts": "concept_spaces",
    "oracle": "oracles",
    "graph": "graph_discoverers",
    "explain": "explainers",
    "metrics": "metrics",
}


def _report_fails(part: str, told: str, folder: Path) -> None:
    install()
    runs = folder / "runs"
    done = call("run", write_spec(folder, explain=part), "--out", runs)
    require(done, 1, told, f"'{part}' (explanation_reports) of hostile 1.0")
    require_clean(runs, without=("report",))


def _score_fails(part: str, told: str, folder: Path) -> None:
    """The run is finished, with the other scores, and ends with code 1."""
    install()
    runs = folder / "runs"
    spec = write_spec(folder, metrics=["distance", part, "best-concept"])
    done = call("run", spec, "--json", "--out", runs)
    assert done.code == 1, done.err[-500:]
    assert "Traceback" not in done.err
    assert f"metrics that failed: {part}" in done.err
    metrics = json.loads(done.out.splitlines()[-1])["metrics"]
    assert {name: each["status"] for name, each in metrics.items()} == {
        "distance": "ok",
        part: "failed",
        "best-concept": "ok",
    }
    assert re.search(told, metrics[part]["reason"]), metrics[part]["reason"]
    require_clean(runs, without=(f"metrics.{part}", "report"))


def _process_ends(part: str, told: str, folder: Path) -> None:
    spec = write_spec(folder, explain=part)
    done = finished(start("run", spec, "--out", folder / "runs"))
    require(done, 1, told, f"'{part}' (explainers) of hostile 1.0")
    require_clean(folder / "runs", without=("explain", "report"))


def _is_interrupted(part: str, stop: signal.Signals, code: int, folder: Path) -> None:
    spec = write_spec(folder, explain=part)
    process = start("run", spec, "--out", folder / "runs")
    if part == "never-ends":
        end = time.monotonic() + 100
        while not list((folder / "runs").glob(".store/graph/*")) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(stop)
    done = finished(process)
    assert done.code == code, f"code {done.code}: {done.err[-500:]}"
    assert "interrupted" in done.err
    assert "Traceback" not in done.err
    require_clean(folder / "runs", without=("explain", "report"))


def _is_harmless(part: str, folder: Path) -> None:
    """The run is finished, says the same each time, and leaves no markup in the report."""
    install()
    setting = {"metrics": ["distance", part]} if part.startswith("score-") else {"explain": part}
    values = []
    for name in ("one", "other"):
        spec = write_spec(folder, **setting)
        done = call("run", spec, "--json", "--out", folder / name)
        assert done.code == 0, done.err[-500:]
        values.append(json.loads(done.out.splitlines()[-1])["metrics"]["distance"]["value"])
        (report,) = (folder / name).glob("*/report.html")
        page = report.read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "<b>column" not in page
    assert values[0] == values[1]
    outside = [path for path in folder.iterdir() if path.name not in ("one", "other", "spec.yaml")]
    assert not outside, outside


def _patched_libraries_are_told(folder: Path) -> None:
    install()
    done = call("run", write_spec(folder, explain="patches-libraries"), "--out", folder / "runs")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def _requirement_is_told(folder: Path) -> None:
    install()
    done = call("run", write_spec(folder, explain="needs-newer"), "--out", folder / "runs")
    require(
        done,
        2,
        "requires causalxai>=99, but causalxai .* is installed",
        "'needs-newer' (explainers) of needs_newer 9.0",
    )


def _messages_for_the_user_are_passed_on(folder: Path) -> None:
    install()
    spec = write_spec(folder, explain="raises-for-the-user")
    done = call("run", spec, "--out", folder / "runs")
    require(done, 1, "^these images cannot be explained$", "cannot be explained")


def _tracebacks_are_shown_on_request(folder: Path) -> None:
    spec = write_spec(folder, explain="raises")
    done = finished(start("run", spec, "--out", folder / "runs", "--debug"))
    assert done.code == 1
    assert "Traceback" in done.err
    assert 'raise RuntimeError("boom")' in done.err
    assert "of hostile 1.0 failed in explain" in done.err.splitlines()[-1]


def _others_stand(jobs: int, threads: int, folder: Path) -> None:
    """In a comparison, the rows of hostile parts fail, and the good ones are as without them."""
    bad = {
        "raises": BOOM,
        "exits": r"sys\.exit\(0\)",
        "ends-the-process": "the process was ended with code 0",
        "crashes-the-process": "the process was ended by SIGSEGV",
        "raises-when-built": BOOM,
        "raises-in-its-fingerprint": BOOM,
        "raises-in-its-portable-config": BOOM,
        "zeroes-weights": "changes the weights",
        "patches-libraries": "ZeroDivisionError",
    }
    ways: dict[str, Any] = {"first": {}, **{name: {"explain": name} for name in bad}, "last": {}}
    ways["last"] = {"explain": "good"}
    runs = folder / "runs"
    options = ("--jobs", jobs, "--threads", threads, "--out", runs, "--json")
    spec = write_spec(folder, vary={"method": ways})
    done = finished(start("compare", spec, *options))
    assert done.code == 1, f"code {done.code}: {done.err[-500:]}"
    assert "Traceback" not in done.err
    summary = json.loads(done.out.splitlines()[-1])
    outcomes = {run["labels"]["method"]: run for run in summary["runs"]}
    for name, told in bad.items():
        reason = outcomes[name]["reason"]
        assert re.search(told, reason), f"{name}: {reason}"
        assert name == "patches-libraries" or f"'{name}' (explainers) of hostile 1.0" in reason
    alone = write_spec(folder, vary={"method": {"first": {}, "last": {"explain": "good"}}})
    options = ("--jobs", jobs, "--threads", threads, "--out", folder / "other", "--json")
    expected = finished(start("compare", alone, *options))
    assert expected.code == 0, expected.err[-500:]
    scores = {
        (row["method"], row["metric"], row["kind"], row["name"]): row["value"]
        for row in summary["scores"]
        if row["method"] in ("first", "last")
    }
    assert scores == {
        (row["method"], row["metric"], row["kind"], row["name"]): row["value"]
        for row in json.loads(expected.out.splitlines()[-1])["scores"]
    }
    assert all(value is not None for value in scores.values())


def _cases() -> Iterator[Case]:
    fails: list[tuple[Mapping[str, Any], str, int, tuple[str, ...]]] = [
        *(({"explain": part}, told, 1, ("explain",)) for part, told in FAIL_IN_EXPLAIN.items()),
        *(
            ({"explain": part}, told, 1, ("classifier", "explain"))
            for part, told in FAIL_AT_THE_BEGINNING.items()
        ),
        *(({"explain": part}, told, 2, ()) for part, told in REFUSED.items()),
        *(
            ({stage: part}, told, 1, () if "summary" in part else (stage,))
            for (stage, part), told in FAIL_IN_A_STAGE.items()
        ),
        *(
            ({"metrics": [part]}, told, 1, (f"metrics.{part}",))
            for part, told in SCORES_THAT_MEDDLE.items()
        ),
        ({"metrics": ["score-has-no-range"]}, "value_range must be a pair of numbers", 2, ()),
    ]
    quick = {"raises", "exits", "zeroes-weights", "returns-nothing", "raises-when-built"}
    for settings, told, code, without in fails:
        (part,) = (each[0] if isinstance(each, list) else each for each in settings.values())
        check = partial(_fails, settings, told, code, without)
        yield Case(str(part), check, quick=part in quick)
    for part, told in FAIL_IN_THE_REPORT.items():
        yield Case(part, partial(_report_fails, part, told))
    for part, told in SCORES_THAT_FAIL.items():
        yield Case(part, partial(_score_fails, part, told), quick=part == "score-exits")
    for part, told in END_THE_PROCESS.items():
        yield Case(part, partial(_process_ends, part, told))
    yield Case("interrupts", partial(_is_interrupted, "interrupts", signal.SIGINT, 130))
    for stop, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        check = partial(_is_interrupted, "never-ends", stop, code)
        yield Case(f"never-ends, until {stop.name}", check)
    harmless = ("prints", "names-concepts-by-markup", "seeds-global-generators")
    for part in (
        *(*harmless, "draws-from-global-generators", "good", "report-markup", "report-traverses"),
        "score-estimates-in-numpy",
    ):
        yield Case(part, partial(_is_harmless, part))
    yield Case("patches-libraries", _patched_libraries_are_told)
    yield Case("raises-for-the-user", _messages_for_the_user_are_passed_on)
    yield Case("needs-newer", _requirement_is_told)
    yield Case("--debug", _tracebacks_are_shown_on_request)
    for jobs, threads in ((1, 1), (2, 1), (1, 2)):
        check = partial(_others_stand, jobs, threads)
        yield Case(f"compare --jobs {jobs} --threads {threads}", check, seconds=500)


FAMILY = Family(
    "hostile-plugins",
    "Whatever a plugin raises, returns or changes, and even if it ends the process, the error "
    "names it, the exit code is not 0, nothing wrong is stored, and the other runs of a "
    "comparison stand.",
    _cases,
)
