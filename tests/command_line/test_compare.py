from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import causalxai
import causalxai.comparison
import causalxai.pipeline
from tests.commands import Cli, no_json

Spec = dict[str, Any]


def test_compare_tells_the_scores_and_where_the_page_is(
    cli: Cli, finished_copy: Path, tiny_spec: Spec, write_spec: Callable[[Spec], Path]
):
    ways = {"first": {}, "nine": {"images.classes": ["nine"]}}
    spec = write_spec({**tiny_spec, "vary": {"method": ways}})
    done = cli("compare", spec, "--out", finished_copy, "--jobs", "1")
    assert done.code == 1
    assert done.err.endswith("1 of 2 runs failed\n")
    page = Path(done.out.strip())
    assert page.is_file()
    assert (page.parent.parent, page.name) == (finished_copy, "comparison.html")
    assert re.search(r"method +deletion ↓ +correction ↑ +seconds", done.err)
    # Four images are too few for an interval.
    assert re.search(r"first +[01]\.\d{3} +[01]\.\d{3}", done.err)
    told = " ".join(done.err.split())
    assert re.search(r"method: nine: failed: \S+yaml:\d+: images.classes: there is no class", told)
    again = cli("compare", spec, "--out", finished_copy, "--jobs", "1", "--json")
    told = json.loads(again.out, parse_constant=no_json)
    assert told["report"] == str(page)
    assert [run["status"] for run in told["runs"]] == ["ok", "failed"]
    assert [run["computed"] for run in told["runs"]] == [[], []]
    assert {row["metric"] for row in told["scores"]} == {"deletion", "correction"}


def test_compare_without_any_result_fails(
    cli: Cli, finished_copy: Path, tiny_spec: Spec, write_spec: Callable[[Spec], Path]
):
    spec = write_spec({**tiny_spec, "images": {"classes": ["nine"]}})
    done = cli("compare", spec, "--out", finished_copy, "--jobs", "1")
    assert done.code == 1
    assert Path(done.out.strip()).is_file()
    assert done.err.endswith("no run was finished\n")


def test_options_reach_the_comparison(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    asked: dict[str, Any] = {}

    def stop(specs: Any, **options: Any) -> None:
        asked.update(options, specs=specs)
        raise KeyboardInterrupt

    monkeypatch.setattr(causalxai.comparison, "compare", stop)
    assert cli("compare", "my.yaml").code == 130
    assert (asked["specs"], asked["jobs"], asked["threads"]) == (Path("my.yaml"), None, 1)
    assert (asked["fresh"], list(asked["overrides"]), asked["out"]) == (False, [], Path("runs"))
    options = ["--jobs", "3", "--threads", "2", "--fresh", "--set", "a=1", "--out", "there"]
    cli("compare", "my.yaml", "yours.yaml", *options)
    assert asked["specs"] == [Path("my.yaml"), Path("yours.yaml")]
    assert (asked["jobs"], asked["threads"], asked["fresh"]) == (3, 2, True)
    assert (asked["overrides"], asked["out"]) == (["a=1"], Path("there"))


def test_compare_refuses_a_launcher(
    cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = cli("compare", write_spec(tiny_spec))
    assert (done.code, done.out) == (2, "")
    assert done.err == "compare: a launcher of several processes is for run; use --jobs\n"
