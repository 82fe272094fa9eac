from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from causalxai import Run
from tests.commands import Cli

Spec = dict[str, Any]


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
