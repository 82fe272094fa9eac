from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from causalxai.cli import app
from causalxai.command_line.new_plugin import Kind, plugin_files, render

EXAMPLE = Path(__file__).parents[2] / "examples" / "third_party_plugin" / "causalxai_quadrants"
KINDS: tuple[Kind, ...] = get_args(Kind)


def new_plugin(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["new-plugin", *map(str, arguments)])


@pytest.mark.parametrize(
    ("module", "class_name"),
    [
        ("space", "QuadrantSpace"),
        ("oracle", "QuadrantOracle"),
        ("discoverer", "VaryTogether"),
        ("explainer", "OneAtATime"),
        ("metric", "TopConceptTurns"),
    ],
)
def test_templates_are_the_example_under_other_names(module: str, class_name: str):
    facts = {
        "name": "top-concept-turns",
        "package": EXAMPLE.name,
        "class_name": class_name,
        "space_class": "QuadrantSpace",
    }
    assert render(f"{module}.py", facts) == (EXAMPLE / f"{module}.py").read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_has_names_of_its_own(kind: Kind):
    files = plugin_files("bright-corners", kind)
    package = "causalxai_bright_corners"
    assert {"README.md", "pyproject.toml", f"{package}/__init__.py"} < files.keys()
    for path, text in files.items():
        assert "quadrants" not in path
        assert not {"{{", "{%"} & set(text.split())
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_it_is_written_once(tmp_path: Path):
    done = new_plugin("bright-corners", "--kind", "oracle", "--into", tmp_path)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "causalxai-bright-corners"
    assert done.stdout == f"{folder}\n"
    source = folder / "causalxai_bright_corners" / "oracle.py"
    assert "class BrightCornersOracle(Oracle):" in source.read_text("utf-8")
    source.write_text("my own work", encoding="utf-8")
    again = new_plugin("bright-corners", "--kind", "oracle", "--into", tmp_path)
    assert again.exit_code == 2
    assert "there already" in again.stderr
    assert source.read_text("utf-8") == "my own work"


@pytest.mark.parametrize(
    ("name", "said"),
    [("Bright Corners", "is no name of a plugin"), ("grad-cam", "'grad-cam' among the explainers")],
)
def test_a_name_that_cannot_be_used_is_refused(name: str, said: str, tmp_path: Path):
    done = new_plugin(name, "--kind", "explainer", "--into", tmp_path)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_packages_of_all_kinds_can_be_installed_and_pass_their_tests(tmp_path: Path):
    pytest.importorskip("hatchling")
    for kind in KINDS:
        new_plugin(f"my-{kind}", "--kind", kind, "--into", tmp_path)
    folders = [str(tmp_path / f"causalxai-my-{kind}") for kind in KINDS]
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target")
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", *options, str(target), *folders]
    subprocess.run(pip, check=True, capture_output=True, text=True)
    path = {**os.environ, "PYTHONPATH": str(target), "OMP_NUM_THREADS": "1"}
    listed = subprocess.run(
        [sys.executable, "-c", "from causalxai.cli import main; main()", "plugins"],
        check=True, env=path, capture_output=True, text=True,
    )  # fmt: skip
    found = [line.split() for line in listed.stdout.splitlines() if " my-" in line]
    # The oracle has brought a concept space.
    assert len(found) == len(KINDS) + 1
    assert all(row[-1] == "ok" for row in found), found
    for folder in folders:
        # As an author does it at once: from the folder, before anything is installed.
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
