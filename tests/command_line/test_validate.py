from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from causalxai.errors import CausalxaiError
from tests.commands import Cli, Done

Spec = dict[str, Any]


def test_validate_tells_all_mistakes_at_once_with_their_lines(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(
        "causalxai: 1\n"
        "name: bad name\n"
        "seed: -1\n"
        "dataset: digit\n"
        "classifier: {use: lenet, epoch: 3}\n"
        "method: interventional\n"
        "images:\n"
        "  count: 0\n",
        encoding="utf-8",
    )
    done = cli("validate", "bad.yaml")
    assert (done.code, done.out) == (2, "")
    *lines, count = done.err.splitlines()
    assert [line.split(" ")[:2] for line in lines] == [
        ["bad.yaml:2:", "name:"],
        ["bad.yaml:3:", "seed:"],
        ["bad.yaml:4:", "dataset:"],
        ["bad.yaml:5:", "classifier.epoch:"],
        ["bad.yaml:8:", "images.count:"],
    ]
    assert "did you mean 'digits'?" in lines[2]
    assert "did you mean 'epochs'?" in lines[3]
    assert count == "5 mistakes"


def test_validate_takes_overrides(
    cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path], tmp_path: Path
):
    spec = write_spec(tiny_spec)
    assert cli("validate", spec) == Done(0, f"{spec}: tiny is valid\n", "")
    assert cli("validate", spec, "--set", "name=mine").out == f"{spec}: mine is valid\n"
    done = cli("validate", spec, "--set", "graph.positives=0")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("--set graph.positives=0: graph.positives: should be at least 1")
    assert done.err.endswith("\n1 mistake\n")


def test_validate_counts_the_runs_of_a_grid(
    cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path]
):
    spec = write_spec({**tiny_spec, "vary": {"seed": [0, 1, 2], "graph.tau": [1, 2]}})
    assert cli("validate", spec) == Done(0, f"{spec}: tiny is valid: 6 runs\n", "")
    done = cli("validate", spec, "--set", "vary.seed=[0, -1]")
    assert (done.code, done.out) == (2, "")
    assert "--set vary.seed=[0, -1]: seed: should be at least 0, not -1 (in seed: -1)" in done.err


def test_validate_with_trust_tells_what_a_run_would(
    cli: Cli, tiny_spec: Spec, write_spec: Callable[[Spec], Path]
):
    classifier = {"use": "module", "import_path": "os:system"}
    kept = {key: tiny_spec[key] for key in ("causalxai", "name", "dataset")}
    spec = write_spec({**kept, "classifier": classifier, "explain": "saliency"})
    done = cli("validate", spec, "--trust-code")
    assert done.code == 2
    assert "classifier: os:system belongs to Python itself and builds no network" in done.err


@pytest.fixture
def no_second_look(
    cli: Cli, settled_answers: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Validate a spec, and return what is told of it the next time, when nothing is looked at."""

    def asked(*arguments: str | Path) -> Done:
        first = cli("validate", *arguments)
        with monkeypatch.context() as patch:
            patch.setattr("causalxai.config.load_grid", _looked)
            second = cli("validate", *arguments)
        assert second in (first, AGAIN)
        return second

    return asked


def _looked(*given: object, **options: object) -> None:
    raise CausalxaiError("looked again")


AGAIN = Done(1, "", "looked again\n")


def test_a_valid_spec_is_not_looked_at_again_until_it_changes(
    no_second_look: Callable[..., Done], tiny_spec: Spec, write_spec: Callable[[Spec], Path]
):
    spec = write_spec(tiny_spec)
    assert no_second_look(spec).out == f"{spec}: tiny is valid\n"
    assert no_second_look(spec, "--set", "name=mine").out == f"{spec}: mine is valid\n"
    write_spec({**tiny_spec, "seed": -1})
    assert no_second_look(spec) == AGAIN


def test_a_spec_whose_parts_look_at_files_is_looked_at_again(
    no_second_look: Callable[..., Done],
    tiny_spec: Spec,
    write_spec: Callable[[Spec], Path],
    tmp_path: Path,
):
    for name in ("0", "7"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.new("L", (16, 16)).save(tmp_path / "pictures" / name / "one.png")
    dataset = {"use": "image-folder", "path": str(tmp_path / "pictures"), "size": 16, "channels": 1}
    assert no_second_look(write_spec({**tiny_spec, "dataset": dataset})) == AGAIN


def test_code_that_a_spec_names_is_looked_at_again(
    no_second_look: Callable[..., Done], tiny_spec: Spec, write_spec: Callable[[Spec], Path]
):
    classifier = {"use": "module", "import_path": "a_module:Net"}
    kept = {key: tiny_spec[key] for key in ("causalxai", "name", "dataset")}
    spec = write_spec({**kept, "classifier": classifier, "explain": "saliency"})
    assert no_second_look(spec) == AGAIN


@pytest.mark.slow  # Three processes, two of which load torch.
def test_the_second_validation_loads_no_torch(tmp_path: Path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    del environment["CAUSALXAI_NO_CACHE"]
    code = (
        "import sys; from causalxai.cli import _app_with_errors_in_words as run\n"
        "try: run()\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "validate", "quickstart"]
    loaded = [
        subprocess.run(command, env=environment, capture_output=True, text=True).stderr.split()[-1]
        for _ in range(3)
    ]
    # The first may have written bytecode, after which the second keeps nothing.
    assert (loaded[0], loaded[2]) == ("True", "False")
