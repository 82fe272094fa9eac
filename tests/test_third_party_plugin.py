"""A stranger's distribution is found, used and, where it is broken, kept from doing harm."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from causalxai.cli import main
from causalxai.plugin import registry

EXAMPLE = Path(__file__).parents[1] / "examples" / "third_party_plugin"
PACKAGE = "causalxai_quadrants"
PARTS = ("space", "oracle", "discoverer", "explainer", "metric")


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


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
def cli(
    installed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Cli]:
    """Call the command line in this process, with the example and other folders on the path."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(installed)

    def call(*arguments: str | Path, path: tuple[Path, ...] = ()) -> Done:
        for folder in path:
            monkeypatch.syspath_prepend(folder)
        registry.found.cache_clear()
        monkeypatch.setattr(sys, "argv", ["causalxai", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return Done(int(stop.value.code or 0), out, err)

    yield call
    registry.found.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]
    root.handlers[:] = handlers
    root.setLevel(level)


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


def test_its_parts_are_listed_and_so_is_what_is_broken(cli: Cli, broken: Path):
    done = cli("plugins", path=(broken,))
    assert done.code == 0, done.err
    rows = [line.split() for line in done.out.splitlines()]
    for group, name in (
        ("concept_spaces", "quadrants"),
        ("oracles", "quadrants"),
        ("graph_discoverers", "vary-together"),
        ("explainers", "one-at-a-time"),
        ("metrics", "top-concept-turns"),
    ):
        assert [group, name, PACKAGE, "0.1.0", "ok"] in rows
    text = " ".join(done.out.split())
    assert "explainers shaky broken_parts 2.0 broken:" in text
    assert "RuntimeError: out of order" in text
    assert any(row[:2] == ["explainers", "interventional"] and row[-1] == "ok" for row in rows)


def test_its_space_and_oracle_are_explained_and_graphed_by_parts_for_any_concepts(
    cli: Cli, broken: Path, tmp_path: Path
):
    changes = (
        *("dataset={use: digits, size: 16}", "images={count: 2, only: any}"),
        "classifier={use: lenet, epochs: 1, batch_size: 16, augment: false}",
    )
    options = [option for change in changes for option in ("--set", change)]
    done = cli("run", EXAMPLE / "spec.yaml", "--json", *options, path=(broken,))
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert {"concepts", "graph", "explain"} <= set(summary["computed"])
    assert summary["metrics"]["top-concept-turns"]["status"] == "ok"
    directory = tmp_path / summary["directory"]
    plugins = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))["plugins"]
    assert plugins["oracle"] == {
        "name": "quadrants",
        "distribution": PACKAGE,
        "version": "0.1.0",
        "object": f"{PACKAGE}.oracle:QuadrantOracle",
    }
    assert {plugins[stage]["object"].split(".")[1] for stage in ("graph", "explain")} == {"generic"}
    report = (directory / "report.html").read_text(encoding="utf-8")
    assert "bottom right" in report

    own = cli("run", EXAMPLE / "own_parts.yaml", "--json", *options)
    assert own.code == 0, own.err
    summary = json.loads(own.out)
    assert {"classifier", "concepts"} <= set(summary["reused"])
    assert {"graph", "explain"} <= set(summary["computed"])


def test_a_spec_that_names_a_broken_plugin_is_refused(cli: Cli, broken: Path, tmp_path: Path):
    spec = EXAMPLE / "spec.yaml"
    done = cli("run", spec, "--set", "explain=shaky", path=(broken,))
    assert done.code == 2
    assert "broken_parts 2.0" in done.err
    assert "RuntimeError: out of order" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_two_distributions_with_one_name_are_both_named(cli: Cli, tmp_path: Path):
    rival = distribution(
        tmp_path / "rival",
        "rival_parts",
        version="3.1",
        entry="one-at-a-time = rival_parts:Rival",
        source="raise RuntimeError('nobody asked for this module')",
    )
    done = cli("run", EXAMPLE / "own_parts.yaml", path=(rival,))
    assert done.code == 2
    assert f"{PACKAGE} 0.1.0 and rival_parts 3.1" in done.err
    assert "Traceback" not in done.err


def test_its_own_tests_pass(installed: Path, tmp_path: Path):
    settings = ("-c", str(EXAMPLE / "pyproject.toml"), "-p", "no:cacheprovider", "-q")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *settings, str(EXAMPLE / "tests")],
        env={**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("spec", ["spec.yaml", "own_parts.yaml"])
def test_its_specs_are_valid(cli: Cli, spec: str):
    done = cli("validate", EXAMPLE / spec)
    assert done.code == 0, done.err


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_less_than_forty_lines(part: str):
    text = (EXAMPLE / PACKAGE / f"{part}.py").read_text(encoding="utf-8")
    assert 10 < len(text.splitlines()) < 40
