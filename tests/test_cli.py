from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import causalxai
import causalxai.comparison
import causalxai.pipeline
from causalxai.errors import CausalxaiError
from tests.commands import RUNS_CODE, Cli

Spec = dict[str, Any]


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


def test_the_version_is_told(cli: Cli):
    done = cli("--version")
    assert (done.code, done.out, done.err) == (0, f"causalxai {causalxai.__version__}\n", "")
