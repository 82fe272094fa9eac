from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest
import torch
from rich.table import Table

import causalxai.comparison
import causalxai.pipeline
from causalxai import Run
from causalxai.command_line.terminal import make_console
from causalxai.errors import CausalxaiError
from tests.commands import Cli, Done

Spec = dict[str, Any]


def in_a_process(*arguments: str | Path, cwd: Path) -> Done:
    command = [sys.executable, "-c", "from causalxai.cli import main; main()"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    return Done(done.returncode, done.stdout, done.stderr)


def no_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


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


def test_an_interrupted_run_says_how_to_go_on(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(causalxai.pipeline, "run", interrupt)
    done = cli("run", "my.yaml")
    assert (done.code, done.out) == (130, "")
    assert done.err == "interrupted; run the command again, without --fresh, to continue\n"


def test_sigterm_ends_a_run_like_an_interruption(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    def end(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(causalxai.pipeline, "run", end)
    done = cli("run", "spec.yaml")
    assert done.code == 128 + signal.SIGTERM
    assert done.err.startswith("interrupted by SIGTERM; run the command again")


def test_a_swallowed_interruption_is_one_all_the_same(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    def go_on(*_: object, **__: object) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        raise CausalxaiError("a worker was ended")

    monkeypatch.setattr(causalxai.pipeline, "run", go_on)
    done = cli("run", "spec.yaml")
    assert done.code == 128 + signal.SIGTERM
    assert "interrupted by SIGTERM" in done.err


def test_an_error_of_the_file_system_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/there/file")

    monkeypatch.setattr(causalxai.pipeline, "run", full)
    done = cli("run", "spec.yaml")
    assert (done.code, done.err) == (1, "/there/file: No space left on device\n")


def test_output_that_nobody_takes_ends_quietly_or_with_a_line(tmp_path: Path):
    script = [sys.executable, "-c", "from causalxai.cli import main; main()", "--help"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(script, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert (done.returncode != 0, done.stderr) == (True, b"")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(script, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"standard output, or a file: No space left on device\n"


def test_what_cannot_be_done_is_told_without_a_traceback(
    cli: Cli,
    tiny_spec: Spec,
    write_spec: Callable[[Spec], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    spec = write_spec({**tiny_spec, "device": "cuda"})
    done = cli("run", spec, "--out", tmp_path / "runs")
    assert (done.code, done.out) == (1, "")
    assert done.err == "device: cuda: this machine has no such device; try device: auto\n"


@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_file_that_is_not_there_is_a_mistake(command: str, cli: Cli, tmp_path: Path):
    missing = tmp_path / "missing.yaml"
    done = cli(command, missing)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{missing}: cannot be read: No such file or directory\n1 mistake\n"


def test_run_takes_no_grid(cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path]):
    spec = write_spec({**tiny_spec, "vary": {"seed": [0, 1]}})
    done = cli("run", spec)
    assert (done.code, done.out) == (2, "")
    assert "vary: describes several runs; run them with: causalxai compare\n" in done.err


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


def test_plugins_are_listed_with_their_distribution_and_state(cli: Cli):
    done = cli("plugins")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert ["datasets", "digits", "causalxai", causalxai.__version__, "ok"] in rows
    assert ["methods", "interventional", "causalxai", causalxai.__version__, "ok"] in rows


def test_compare_refuses_a_launcher(
    cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = cli("compare", write_spec(tiny_spec))
    assert (done.code, done.out) == (2, "")
    assert done.err == "compare: a launcher of several processes is for run; use --jobs\n"


def test_report_renders_a_run_again(
    cli: Cli, finished_copy: Path, finished: Run, monkeypatch: pytest.MonkeyPatch
):
    directory = finished_copy / finished.directory.name
    (directory / "report.html").unlink()
    monkeypatch.chdir(directory)
    done = cli("report", ".")
    assert done.code == 0
    assert Path(done.out.strip()) == directory / "report.html"
    assert (directory / "report.html").read_bytes() == finished.report.read_bytes()
    assert {path.name for path in finished_copy.iterdir()} == {".store", directory.name}


def test_report_of_a_run_reads_the_results_of_a_shared_store(
    cli: Cli, published: str, finished: Run, tmp_path: Path
):
    copy = Path(shutil.copytree(finished.directory, tmp_path / "copy"))
    (copy / "report.html").unlink()
    done = cli("report", copy, "--store", published)
    assert done.code == 0, done.err
    page = Path(done.out.strip())
    assert page == tmp_path / finished.directory.name / "report.html"
    assert page.read_bytes() == finished.report.read_bytes()


def test_report_of_a_run_without_its_results_is_refused(cli: Cli, finished: Run, tmp_path: Path):
    copy = Path(shutil.copytree(finished.directory, tmp_path / "copy"))
    done = cli("report", copy)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        f"{tmp_path / '.store'}: no results for classifier, concepts, graph, explain, "
        "metrics.deletion, metrics.correction: "
    )
    assert done.err.endswith("; run the spec again, or name their --store\n")
    assert list(tmp_path.iterdir()) == [copy]


def test_report_of_what_is_no_run_is_refused(cli: Cli, tmp_path: Path):
    done = cli("report", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{tmp_path} is not the directory of a run: it has no spec.yaml\n"


@pytest.mark.parametrize(
    "command", ["run", "compare", "validate", "layers", "plugins", "schema", "report"]
)
def test_help_knows_all_commands(command: str, cli: Cli):
    assert command in cli("--help").out
    done = cli(command, "--help")
    assert done.code == 0
    assert re.search(rf"Usage.* {command}\b", done.out)


def test_an_unknown_command_is_a_mistake(cli: Cli):
    done = cli("runn")
    assert (done.code, done.out) == (2, "")
    assert "No such command" in done.err


def test_names_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]):
    console = make_console(width=80)
    console.print("[/red] [bold]a :smile:", highlight=False)
    table = Table("[head]", box=None)
    table.add_row("[/cell]")
    console.print(table)
    printed = capsys.readouterr().out.split()
    assert printed == ["[/red]", "[bold]a", ":smile:", "[head]", "[/cell]"]


RUNS_CODE = """
from pathlib import Path
from torch import nn

Path("THIS_WAS_RUN").touch()

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(256, 10))
"""


@pytest.mark.usefixtures("undrawn")
def test_code_that_a_spec_names_runs_only_if_it_is_trusted(
    cli: Cli,
    tiny_spec: Spec,
    write_spec: Callable[[Spec], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "cli_code_of_others.py").write_text(RUNS_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "THIS_WAS_RUN"
    classifier = {"use": "module", "import_path": "cli_code_of_others:Net"}
    kept = {key: tiny_spec[key] for key in ("causalxai", "name", "seed", "device", "dataset")}
    images = {"count": 2, "only": "any"}
    spec = write_spec(
        {**kept, "classifier": classifier, "explain": "saliency", "images": images, "metrics": []}
    )
    for command in ("run", "compare"):
        done = cli(command, spec)
        assert done.code == 2
        assert "classifier.import_path: names code, 'cli_code_of_others:Net'" in done.err
        assert "--trust-code" in done.err
    done = cli("validate", spec)
    assert done.out == f"{spec}: tiny is valid\n"
    assert "names code, which was not looked at: cli_code_of_others:Net" in done.err
    assert not mark.exists()

    assert cli("validate", spec, "--trust-code").code == 0
    assert mark.exists()
    done = cli("run", spec, "--trust-code")
    assert done.code == 0, done.err
    run_folder = Path(done.out.strip()).parent
    mark.unlink()
    monkeypatch.delitem(sys.modules, "cli_code_of_others")
    refused = cli("report", run_folder)
    assert refused.code == 2
    assert "--trust-code" in refused.err
    assert not mark.exists()
    assert cli("report", run_folder, "--trust-code").code == 0


def test_layers_of_a_network_beside_the_spec_are_listed(
    cli: Cli, tiny_spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub/cli_layers_net.py").write_text(RUNS_CODE.replace("THIS_WAS_RUN", "made"))
    classifier = {"use": "module", "import_path": "cli_layers_net:Net"}
    kept = {key: tiny_spec[key] for key in ("causalxai", "name", "dataset")}
    spec = tmp_path / "sub/my.yaml"
    spec.write_text(json.dumps({**kept, "classifier": classifier, "explain": "saliency"}))
    refused = cli("layers", spec)
    assert (refused.code, refused.out) == (2, "")
    assert "--trust-code" in refused.err
    done = cli("layers", spec, "--trust-code", "--set", "dataset.size=16", "--set", "explain=none")
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "module for images 1 x 16 x 16 and 10 classes, as it is loaded",
        "",
        "layer  kind     output  parameters  methods can use it as",
        "0      Flatten  256              0  the logits follow from it",
        "1      Linear   10           2,570  linear last layer",
    ]
    wrong = cli(
        "validate", "sub/my.yaml", "--trust-code", "--set", "explain={use: grad-cam, layer: x}"
    )
    assert wrong.code == 2
    assert "explain.layer: the classifier has no layer 'x' (causalxai layers SPEC" in wrong.err
