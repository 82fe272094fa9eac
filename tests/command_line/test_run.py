from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
import torch

import causalxai
import causalxai.comparison
import causalxai.pipeline
from causalxai import Run
from tests.commands import Cli, in_a_process, no_json

Spec = dict[str, Any]


def test_run_json_ends_with_one_object_and_tells_the_rest_elsewhere(
    finished_copy: Path, finished: Run, tmp_path: Path
):
    spec = finished.directory / "spec.yaml"
    done = in_a_process("run", spec, "--out", "runs", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.endswith("}\n")
    assert done.out.count("\n") == 1
    told = json.loads(done.out, parse_constant=no_json)
    directory = Path("runs") / finished.directory.name
    assert (told["directory"], told["report"]) == (str(directory), str(directory / "report.html"))
    assert told["metrics"].keys() == finished.metrics.keys()
    for name, result in finished.metrics.items():
        brief = told["metrics"][name]
        assert brief["status"] == "ok"
        assert brief["value"] == result.estimate.value
        assert brief["interval"] == [result.estimate.low, result.estimate.high]
        assert brief["chance"] == result.chance.value
        assert brief["higher_is_better"] == result.higher_is_better
        assert brief["controls"].keys() == result.controls.keys()
    assert told["computed"] == []
    assert "report: reused" in done.err
    assert (finished_copy / finished.directory.name / "report.html").is_file()


def test_run_twice_says_what_it_reused(
    cli: Cli,
    finished_copy: Path,
    finished: Run,
    tiny_spec: Spec,
    write_spec: Callable[[Spec], Path],
):
    done = cli("run", write_spec(tiny_spec), "--out", finished_copy)
    assert done.code == 0
    assert done.out == f"{finished_copy / finished.directory.name / 'report.html'}\n"
    told = " ".join(done.err.split())
    assert re.search(r"reused: .*\bmetrics\.deletion\b.*\bexplain\b", told)
    for name, result in finished.metrics.items():
        value, chance = result.estimate.value, result.chance.value
        assert f"{name}: {value:.3f}, chance {chance:.3f} (n = {result.estimate.n})" in told


@pytest.mark.usefixtures("undrawn")
def test_what_is_computed_is_told_where_it_is_computed(cli: Cli, finished_copy: Path):
    (directory,) = finished_copy.glob("tiny-*")
    metric = "metrics=[{use: deletion, steps: 5}]"
    done = cli("run", directory / "spec.yaml", "--out", finished_copy, "--json", "--set", metric)
    assert json.loads(done.out)["computed"] == ["metrics.deletion", "report"]
    assert "metrics.deletion: computed in" in done.err
    assert "graph: reused" in done.err


def test_options_reach_the_run(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    asked: dict[str, Any] = {}

    def stop(spec: Path, **options: Any) -> None:
        asked.update(options, spec=spec)
        raise KeyboardInterrupt

    monkeypatch.setattr(causalxai.pipeline, "run", stop)
    cli("run", "my.yaml")
    assert asked["spec"] == Path("my.yaml")
    assert (list(asked["overrides"]), asked["out"]) == ([], Path("runs"))
    assert asked["fresh"] == "nothing"
    cli("run", "my.yaml", "--set", "a=1", "--set", "b.c=2", "--out", "there", "--fresh")
    assert (asked["overrides"], asked["out"]) == (["a=1", "b.c=2"], Path("there"))
    assert asked["fresh"] == "everything"


@pytest.mark.parametrize(
    ("options", "cores", "allowed", "threads"),
    [([], 8, 2, 2), ([], 1, 8, 1), (["--threads", "3"], 8, 2, 3)],
)
def test_a_run_has_threads_for_the_cores_that_it_may_use(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    cores: int,
    allowed: int,
    threads: int,
):
    asked: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(joblib, "cpu_count", lambda: allowed)
    cli("run", "missing.yaml", *options)
    assert asked[0] == threads


def test_run_takes_no_grid(cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path]):
    spec = write_spec({**tiny_spec, "vary": {"seed": [0, 1]}})
    done = cli("run", spec)
    assert (done.code, done.out) == (2, "")
    assert "vary: describes several runs; run them with: causalxai compare\n" in done.err
