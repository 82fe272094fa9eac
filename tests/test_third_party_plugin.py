"""A stranger's distribution is found, used and, where it is broken, kept from doing harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "third_party_plugin"

SPEC = """
causalxai: 1
name: third-party
dataset: {use: digits, size: 16}
classifier: {use: lenet, epochs: 1, batch_size: 16, augment: false}
method: interventional
concepts: {layers: [fc2]}
graph: {classes: ["0"], positives: 2}
explain: EXPLAINER
images: {count: 2, only: any}
metrics: [deletion]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed into a folder of its own."""
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target")
    command = [sys.executable, "-m", "pip", "install", *options, str(folder), str(EXAMPLE)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A distribution whose module cannot be imported."""
    return distribution(
        tmp_path / "broken",
        "broken_parts",
        version="2.0",
        entry="shaky = broken_parts:Shaky",
        source="raise RuntimeError('out of order')",
    )


def distribution(folder: Path, name: str, *, version: str, entry: str, source: str) -> Path:
    """Lay a module and its metadata into a folder, as an installer would."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[causalxai.explainers]\n{entry}\n", encoding="utf-8")
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return folder


def python(*arguments: str, path: tuple[Path, ...], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def causalxai(
    *arguments: str, path: tuple[Path, ...], cwd: Path
) -> subprocess.CompletedProcess[str]:
    command = ("-c", "from causalxai.cli import main; main()", *arguments)
    return python(*command, path=path, cwd=cwd)


def write_spec(folder: Path, explainer: str) -> str:
    (folder / "spec.yaml").write_text(SPEC.replace("EXPLAINER", explainer), encoding="utf-8")
    return "spec.yaml"


def test_it_is_listed_and_so_is_what_is_broken(
    installed: Path, broken: Path, tmp_path: Path
) -> None:
    done = causalxai("plugins", path=(installed, broken), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    row = next(row for row in rows if row[1:2] == ["one-at-a-time"])
    assert row == ["explainers", "one-at-a-time", "causalxai_one_at_a_time", "0.1.0", "ok"]
    text = " ".join(done.stdout.split())
    assert "explainers shaky broken_parts 2.0 broken:" in text
    assert "RuntimeError: out of order" in text
    assert any(row[:2] == ["explainers", "interventional"] and row[-1] == "ok" for row in rows)


def test_a_spec_that_names_it_runs_through(installed: Path, broken: Path, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, "one-at-a-time")
    done = causalxai("run", spec, "--json", path=(installed, broken), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert "explain" in summary["computed"]
    assert summary["metrics"]["deletion"]["status"] == "skipped"
    assert "no attribution map" in summary["metrics"]["deletion"]["reason"]
    directory = tmp_path / summary["directory"]
    provenance = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["plugins"]["explain"] == {
        "name": "one-at-a-time",
        "distribution": "causalxai_one_at_a_time",
        "version": "0.1.0",
        "object": "causalxai_one_at_a_time:OneAtATime",
    }
    assert (directory / "report.html").is_file()


def test_a_spec_that_names_a_broken_plugin_is_refused(
    installed: Path, broken: Path, tmp_path: Path
) -> None:
    spec = write_spec(tmp_path, "shaky")
    done = causalxai("run", spec, path=(installed, broken), cwd=tmp_path)
    assert done.returncode == 2
    assert "broken_parts 2.0" in done.stderr
    assert "RuntimeError: out of order" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_two_distributions_with_one_name_are_both_named(installed: Path, tmp_path: Path) -> None:
    rival = distribution(
        tmp_path / "rival",
        "rival_parts",
        version="3.1",
        entry="one-at-a-time = rival_parts:Rival",
        source="raise RuntimeError('nobody asked for this module')",
    )
    spec = write_spec(tmp_path, "one-at-a-time")
    done = causalxai("run", spec, path=(installed, rival), cwd=tmp_path)
    assert done.returncode == 2
    assert "causalxai_one_at_a_time 0.1.0 and rival_parts 3.1" in done.stderr
    assert "Traceback" not in done.stderr


def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    settings = ("-c", str(EXAMPLE / "pyproject.toml"), "-p", "no:cacheprovider", "-q")
    tests = str(EXAMPLE / "tests")
    done = python("-B", "-m", "pytest", *settings, tests, path=(installed,), cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_its_example_spec_is_valid(installed: Path, tmp_path: Path) -> None:
    spec = str(EXAMPLE / "one_at_a_time.yaml")
    done = causalxai("validate", spec, path=(installed,), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
