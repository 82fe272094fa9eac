"""Plugins that raise, exit, lie or meddle at every point of their lives.

They are the distributions in ``tests/trust/plugins``, beside the toys of ``tests/comparison``. The
tables below say what a run with each of them must end in.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import entrypoints
from ruamel.yaml import YAML

# What the cases use is imported before their processes are forked: that is ten times faster.
import causalxai.comparison.execution
import causalxai.testing.toys  # noqa: F401
from causalxai.cli import main
from causalxai.plugin import registry
from causalxai.storage.store import Store
from tests.trust.family import Case, Family

_TESTS = Path(__file__).parents[2]
_INSTALLED = (_TESTS / "trust" / "plugins", _TESTS / "comparison" / "fakes")
_SPEC: Mapping[str, Any] = {
    "causalxai": 1,
    "name": "hostile",
    "device": "cpu",
    "dataset": "toy",
    "classifier": "toy",
    "method": "toy",
    "images": {"count": 5},
    "metrics": ["distance"],
}
_BOOM = "RuntimeError: boom"
# What the one line of the error says, by the name of the part.
_FAIL_IN_EXPLAIN = {
    "raises": f"failed in explain at hostile/explaining.py:\\d+: {_BOOM}",
    "raises-an-error-of-its-own": r"failed in explain at .*: OwnError: \(its message cannot be",
    "raises-a-contract-error": r"in explain at .*: somebody broke a promise",
    "raises-stop-iteration": "failed in explain at .*: StopIteration",
    "runs-out-of-memory": "failed in explain at .*: MemoryError: no memory",
    "recurses-endlessly": "failed in explain at .*: RecursionError",
    "exits": r"failed in explain at .*: it called sys\.exit\(0\)",
    "exits-with-code3": r"failed in explain at .*: it called sys\.exit\(3\)",
    "returns-nothing": "must return an Explanation, not NoneType",
    "returns-a-dictionary": "must return an Explanation, not dict",
    "transposes": r"importance is \[5, 4\], not \[4, 5\]",
    "returns-integers": "importance must be of float32 or float64, not torch.int64",
    "returns-booleans": "importance must be of float32 or float64, not torch.bool",
    "returns-complex-numbers": "importance must be of float32 or float64, not torch.complex64",
    "returns-half-floats": "importance must be of float32 or float64, not torch.float16",
    "returns-nan": "importance holds values that are not finite",
    "returns-meta-tensors": "importance has no values",
    "returns-arrays": "importance is a ndarray, not a tensor",
    "returns-gradients": r"importance still requires gradients; call detach\(\)",
    "returns-sparse-tensors": "importance is sparse",
    "returns-other-images": "images are not those that it was given",
    "returns-fewer-images": r"images are \[1, 1, 8, 8\], not the \[5, 1, 8, 8\] given",
    "returns-other-classes": "target is not what it was given",
    "repeats-concepts": "names of concepts must be unique; 'same' occurs more than once",
    "numbers-concepts": "concepts must be a tuple of texts",
    "lists-concepts": "concepts must be a tuple of texts",
    "notes-nan": r"meta\['x'\] must be finite",
    "notes-an-object": r"meta\['x'\] is a object",
    "details-a-list": "detail x is a list, not a tensor",
    "zeroes-images": "images are not|changes the images",
    "zeroes-classes": "target is not|changes the images or classes",
    "changes-the-data": "changes the test split's images",
    "changes-the-labels": "changes the training split's labels",
    "changes-the-concepts": "changes the training split's concepts",
    "zeroes-weights": "changes the weights",
    "leaves-a-hook": "changes the forward hooks of the network",
    "leaves-training-mode": "changes the mode of",
    "leaves-gradients": "changes whether .* requires gradients",
    "changes-the-default-dtype": "changes torch's default dtype",
    "changes-the-gradient-mode": "changes torch's gradient mode",
    "changes-the-threads": "changes torch's number of threads",
    "wants-determinism": "changes torch's use of deterministic algorithms",
    "changes-the-folder": "changes the working directory",
}
_FAIL_AT_THE_BEGINNING = {
    "raises-when-built": f"failed in its constructor at hostile/beginning.py:\\d+: {_BOOM}",
    "exits-when-built": r"failed in its constructor at .*: it called sys\.exit\(0\)",
    "raises-when-asked-for-needs": f"failed in its requirements at .*: {_BOOM}",
    "needs-what-is-unknown": "requires 'luck', which is no capability",
    "raises-in-its-fingerprint": f"failed in its key in the store at .*: {_BOOM}",
    "has-no-text-as-fingerprint": r"fingerprint\(\) must return text, not object",
    "raises-in-its-portable-config": f"failed in its key in the store at .*: {_BOOM}",
    "has-an-object-in-its-portable-config": r"portable_config\(\) must return plain JSON",
}
_REFUSED = {
    "raises-in-its-validator": f"failed in checking its settings at .*: {_BOOM}",
    "exits-in-its-validator": r"failed in checking its settings at .*: it called sys\.exit\(0\)",
    "importing-fails": "cannot be loaded: ImportError: cannot import name 'SomethingOfTheFuture'",
    "importing-exits": r"cannot be loaded: it called sys\.exit",
    "is-missing": "cannot be loaded: AttributeError",
    "is-no-explainer": "hostile.scoring:Raises is not a causalxai.explainer.Explainer",
}
_FAIL_IN_THE_REPORT = {
    "report-raises": f"failed in the report at hostile/reporting.py:\\d+: {_BOOM}",
    "report-exits": r"failed in the report at .*: it called sys\.exit\(0\)",
    "report-nothing": "must return a list of sections, not a NoneType",
    "report-numbers": "a section that is a int, not a Section",
    "report-number-in-section": "a section that holds a int",
    "report-empty-figure": "a section that holds a figure without a picture",
    "report-zeroes-weights": "in the report, changes the weights",
}
_FAIL_IN_A_STAGE = {
    ("dataset", "data-that-raise"): f"failed in dataset at .*: {_BOOM}",
    ("dataset", "data-that-are-missing"): "returns NoneType in dataset, not Dataset",
    ("classifier", "classifier-that-raises"): f"failed in classifier at .*: {_BOOM}",
    ("classifier", "classifier-that-is-missing"): "returns NoneType in classifier, not Classifier",
    ("classifier", "classifier-without-record"): "its result is a dict, not a Record",
    ("concepts", "space-that-raises"): f"failed in concepts at .*: {_BOOM}",
    ("concepts", "space-that-is-missing"): "returns NoneType in concepts, not ConceptSpace",
    ("concepts", "space-that-stores-sparse-tensors"): "its result has the tensor 'x', which is sp",
    ("concepts", "space-that-raises-in-its-summary"): f"failed in the summary of the fit.*{_BOOM}",
    ("concepts", "space-with-nan-in-its-summary"): "the summary of the fit: error must be finite",
    ("oracle", "oracle-that-raises"): f"failed in graph at hostile/stages.py:\\d+: {_BOOM}",
    ("oracle", "oracle-that-exits"): r"failed in graph at .*: it called sys\.exit\(0\)",
    ("oracle", "oracle-that-is-silent"): "must return a Response, not NoneType",
    ("oracle", "oracle-that-answers-in-integers"): "logits must be floats, not torch.int64",
    ("oracle", "oracle-that-cannot-be-bound"): f"failed in oracle at .*: {_BOOM}",
    ("oracle", "oracle-that-vanishes"): "returns NoneType in oracle, not Oracle",
    ("graph", "graph-that-raises"): f"failed in graph at .*: {_BOOM}",
    ("graph", "graph-that-is-missing"): "must return a CausalGraph, not NoneType",
}
_SCORES_THAT_FAIL = {
    "score-raises": f"failed in the score at hostile/scoring.py:\\d+: {_BOOM}",
    "score-exits": r"failed in the score at .*: it called sys\.exit\(0\)",
    "score-returns-nothing": "must return a MetricResult, not NoneType",
    "score-returns-a-number": "must return a MetricResult, not float",
    "score-estimates-a-word": "value must be a number, not str",
    "score-estimates-a-tensor": "value must be a number, not Tensor",
    "score-estimates-nan": "is not finite",
    "score-has-a-part-that-is-nan": "is not finite",
    "score-is-out-of-range": r"not in \[0.0, inf\]",
    "score-is-ok-without-an-estimate": "is ok, but has no estimate",
    "score-invents-a-status": "there is no status 'great'",
    "score-numbers-its-parts": "the name 1 of a score is not a text",
}
_SCORES_THAT_MEDDLE = {
    "score-that-zeroes-the-explanation": "changes the explanation's importance",
    "score-that-zeroes-weights": "changes the weights",
    "score-that-zeroes-and-raises": "changes the test split's images",
}
_END_THE_PROCESS = {
    "ends-the-process": "in explain: the process was ended with code 0",
    "crashes-the-process": "in explain: the process was ended by SIGSEGV",
    "kills-the-process": "in explain: the process was killed",
    "ends-the-process-when-built": "in its constructor: the process was ended with code 0",
}


@dataclass(frozen=True)
class _Done:
    code: int
    out: str
    err: str


def _install() -> None:
    """Make the parts of this family, and no others, known in this process."""
    sys.path[:0] = map(str, _INSTALLED)
    registry.found.cache_clear()
    entrypoints.get_group_all = partial(entrypoints.get_group_all, path=list(map(str, _INSTALLED)))


def _write_spec(folder: Path, **changes: Any) -> Path:
    path = folder / "spec.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump({**_SPEC, **changes}, file)
    return path


def _call(*arguments: object) -> _Done:
    """Call the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["causalxai", *map(str, arguments)]
    code: Any = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    return _Done(int(code or 0), out.getvalue(), err.getvalue())


def _start(*arguments: object) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""
    path = os.pathsep.join([*map(str, _INSTALLED), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", "from causalxai.cli import main; main()", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )


def _finished(process: subprocess.Popen[str]) -> _Done:
    out, err = process.communicate(timeout=250)
    return _Done(process.returncode, out, err)


def _require(done: _Done, code: int, told: str, who: str) -> None:
    assert done.code == code, f"code {done.code}: {done.err[-500:]}"
    last = done.err.strip().splitlines()[-1] if done.err.strip() else ""
    line = next((line for line in done.err.splitlines() if who in line), last)
    assert who in line, f"nobody is named: {last}"
    assert re.search(told, line), f"it says: {line}"
    assert "Traceback" not in done.err, "there is a traceback"


def _require_clean(runs: Path, *, without: tuple[str, ...]) -> None:
    """Require a store of sound records, none of them of the stages that failed."""
    store = Store(runs / ".store")
    leftovers = list(runs.rglob(".writing-*"))
    assert not leftovers, f"left behind: {leftovers}"
    folders = [path for path in store.root.glob("*/*") if path.is_dir()]
    for folder in folders:
        stage = folder.parent.name
        if stage not in ("locks", "partial"):
            assert stage not in without, f"{stage} was stored"
            assert store.read(stage, folder.name) is not None, f"{folder} is damaged"


def _good_score(folder: Path, spec: Path) -> object:
    done = _call("run", spec, "--json", "--out", folder)
    assert done.code == 0, done.err[-500:]
    return json.loads(done.out.splitlines()[-1])["metrics"]["distance"]["value"]


def _fails(
    settings: Mapping[str, Any], told: str, code: int, without: tuple[str, ...], folder: Path
) -> None:
    """A run with the part fails and names it; a run without it is as if nothing had been."""
    _install()
    expected = _good_score(folder / "before", _write_spec(folder))
    here = Path.cwd()
    (group,) = settings
    part = settings[group][0] if isinstance(settings[group], list) else settings[group]
    runs = folder / "runs"
    done = _call("run", _write_spec(folder, **settings), "--out", runs)
    _require(done, code, told, f"'{part}' ({_GROUPS[group]}) of hostile 1.0")
    assert Path.cwd() == here
    if code == 1:
        _require_clean(runs, without=(*without, "report"))
    assert not list(runs.glob("*/report.html")), "a report was written"
    if part != "patches-libraries":
        assert _good_score(runs, _write_spec(folder)) == expected


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
    _install()
    runs = folder / "runs"
    done = _call("run", _write_spec(folder, explain=part), "--out", runs)
    _require(done, 1, told, f"'{part}' (explanation_reports) of hostile 1.0")
    _require_clean(runs, without=("report",))


def _score_fails(part: str, told: str, folder: Path) -> None:
    """The run is finished, with the other scores, and ends with code 1."""
    _install()
    runs = folder / "runs"
    spec = _write_spec(folder, metrics=["distance", part, "best-concept"])
    done = _call("run", spec, "--json", "--out", runs)
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
    _require_clean(runs, without=(f"metrics.{part}", "report"))


def _process_ends(part: str, told: str, folder: Path) -> None:
    spec = _write_spec(folder, explain=part)
    done = _finished(_start("run", spec, "--out", folder / "runs"))
    _require(done, 1, told, f"'{part}' (explainers) of hostile 1.0")
    _require_clean(folder / "runs", without=("explain", "report"))


def _is_interrupted(part: str, stop: signal.Signals, code: int, folder: Path) -> None:
    spec = _write_spec(folder, explain=part)
    process = _start("run", spec, "--out", folder / "runs")
    if part == "never-ends":
        end = time.monotonic() + 100
        while not list((folder / "runs").glob(".store/graph/*")) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(stop)
    done = _finished(process)
    assert done.code == code, f"code {done.code}: {done.err[-500:]}"
    assert "interrupted" in done.err
    assert "Traceback" not in done.err
    _require_clean(folder / "runs", without=("explain", "report"))


def _is_harmless(part: str, folder: Path) -> None:
    """The run is finished, says the same each time, and leaves no markup in the report."""
    _install()
    setting = {"metrics": ["distance", part]} if part.startswith("score-") else {"explain": part}
    values = []
    for name in ("one", "other"):
        spec = _write_spec(folder, **setting)
        done = _call("run", spec, "--json", "--out", folder / name)
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
    _install()
    done = _call("run", _write_spec(folder, explain="patches-libraries"), "--out", folder / "runs")
    assert done.code == 1
    assert "ZeroDivisionError" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def _requirement_is_told(folder: Path) -> None:
    _install()
    done = _call("run", _write_spec(folder, explain="needs-newer"), "--out", folder / "runs")
    _require(
        done,
        2,
        "requires causalxai>=99, but causalxai .* is installed",
        "'needs-newer' (explainers) of needs_newer 9.0",
    )


def _messages_for_the_user_are_passed_on(folder: Path) -> None:
    _install()
    spec = _write_spec(folder, explain="raises-for-the-user")
    done = _call("run", spec, "--out", folder / "runs")
    _require(done, 1, "^these images cannot be explained$", "cannot be explained")


def _tracebacks_are_shown_on_request(folder: Path) -> None:
    spec = _write_spec(folder, explain="raises")
    done = _finished(_start("run", spec, "--out", folder / "runs", "--debug"))
    assert done.code == 1
    assert "Traceback" in done.err
    assert 'raise RuntimeError("boom")' in done.err
    assert "of hostile 1.0 failed in explain" in done.err.splitlines()[-1]


def _others_stand(jobs: int, threads: int, folder: Path) -> None:
    """In a comparison, the rows of hostile parts fail, and the good ones are as without them."""
    bad = {
        "raises": _BOOM,
        "exits": r"sys\.exit\(0\)",
        "ends-the-process": "the process was ended with code 0",
        "crashes-the-process": "the process was ended by SIGSEGV",
        "raises-when-built": _BOOM,
        "raises-in-its-fingerprint": _BOOM,
        "raises-in-its-portable-config": _BOOM,
        "zeroes-weights": "changes the weights",
        "patches-libraries": "ZeroDivisionError",
    }
    ways: dict[str, Any] = {"first": {}, **{name: {"explain": name} for name in bad}, "last": {}}
    ways["last"] = {"explain": "good"}
    runs = folder / "runs"
    options = ("--jobs", jobs, "--threads", threads, "--out", runs, "--json")
    spec = _write_spec(folder, vary={"method": ways})
    done = _finished(_start("compare", spec, *options))
    assert done.code == 1, f"code {done.code}: {done.err[-500:]}"
    assert "Traceback" not in done.err
    summary = json.loads(done.out.splitlines()[-1])
    outcomes = {run["labels"]["method"]: run for run in summary["runs"]}
    for name, told in bad.items():
        reason = outcomes[name]["reason"]
        assert re.search(told, reason), f"{name}: {reason}"
        assert name == "patches-libraries" or f"'{name}' (explainers) of hostile 1.0" in reason
    alone = _write_spec(folder, vary={"method": {"first": {}, "last": {"explain": "good"}}})
    options = ("--jobs", jobs, "--threads", threads, "--out", folder / "other", "--json")
    expected = _finished(_start("compare", alone, *options))
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
        *(({"explain": part}, told, 1, ("explain",)) for part, told in _FAIL_IN_EXPLAIN.items()),
        *(
            ({"explain": part}, told, 1, ("classifier", "explain"))
            for part, told in _FAIL_AT_THE_BEGINNING.items()
        ),
        *(({"explain": part}, told, 2, ()) for part, told in _REFUSED.items()),
        *(
            ({stage: part}, told, 1, () if "summary" in part else (stage,))
            for (stage, part), told in _FAIL_IN_A_STAGE.items()
        ),
        *(
            ({"metrics": [part]}, told, 1, (f"metrics.{part}",))
            for part, told in _SCORES_THAT_MEDDLE.items()
        ),
        ({"metrics": ["score-has-no-range"]}, "value_range must be a pair of numbers", 2, ()),
    ]
    quick = {"raises", "exits", "zeroes-weights", "returns-nothing", "raises-when-built"}
    for settings, told, code, without in fails:
        (part,) = (each[0] if isinstance(each, list) else each for each in settings.values())
        check = partial(_fails, settings, told, code, without)
        yield Case(str(part), check, quick=part in quick)
    for part, told in _FAIL_IN_THE_REPORT.items():
        yield Case(part, partial(_report_fails, part, told))
    for part, told in _SCORES_THAT_FAIL.items():
        yield Case(part, partial(_score_fails, part, told), quick=part == "score-exits")
    for part, told in _END_THE_PROCESS.items():
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
