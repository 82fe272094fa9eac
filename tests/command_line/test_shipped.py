from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from causalxai.cli import app
from causalxai.command_line.shipped import purpose, shipped_specs, spec_file

ROOT = Path(__file__).parents[2]


def test_every_shipped_spec_has_a_name_of_its_own():
    files = sorted((ROOT / "specs").rglob("*.yaml"))
    assert sorted(shipped_specs().values()) == files


def test_specs_are_listed_with_their_purpose():
    done = CliRunner().invoke(app, ["specs"])
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert lines.keys() == shipped_specs().keys()
    assert "What causes what in the eyes of a classifier?" in lines["glance-quickstart"]


def test_the_purpose_is_the_first_sentence_of_the_comment(tmp_path: Path):
    spec = tmp_path / "spec.yaml"
    spec.write_text("# yaml-language-server: x\n# One and\n# a half. And more.\ncausalxai: 1\n")
    assert purpose(spec) == "One and a half."


def test_a_file_comes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert spec_file(Path("quickstart")) == shipped_specs()["quickstart"]
    (tmp_path / "quickstart").touch()
    assert spec_file(Path("quickstart")) == Path("quickstart")
    assert spec_file(Path("other/quickstart")) == Path("other/quickstart")
    assert spec_file(Path("missing.yaml")) == Path("missing.yaml")


def test_a_name_that_nobody_knows_is_a_mistake():
    with pytest.raises(typer.BadParameter, match="did you mean 'glance-quickstart'"):
        spec_file(Path("glance-quickstrt"))


@pytest.mark.slow
def test_a_wheel_has_specs_and_templates(tmp_path: Path):
    pytest.importorskip("hatchling")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    code = (
        "import sys; from pathlib import Path; from causalxai.cli import main; import causalxai;"
        "assert Path(causalxai.__file__).is_relative_to(sys.path[1]); main()"
    )
    for arguments in (
        ("validate", "interventional-quickstart"),
        ("new-plugin", "mine", "--kind", "metric"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "causalxai-mine" / "pyproject.toml").is_file()
