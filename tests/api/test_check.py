"""The built-ins live on the declared API, and whatever is not on it is found."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import causalxai
from causalxai.api import API, Deprecation, public_names
from causalxai.api.__main__ import main
from causalxai.api.check import (
    core_imports,
    faults_of_the_list,
    python_files,
    short_cuts,
    undeclared_imports,
)

ROOT = Path(__file__).parents[2]
PUBLIC = frozenset({("causalxai.graph", "Edge"), ("causalxai.oracle", "Want")})


def faults(tmp_path: Path, source: str, deprecated: dict[str, Deprecation] | None = None):
    (tmp_path / "part.py").write_text(source, encoding="utf-8")
    return undeclared_imports([tmp_path], PUBLIC, deprecated or {})


def test_the_built_ins_and_the_examples_live_on_the_declared_api(
    capsys: pytest.CaptureFixture[str],
):
    folders = [ROOT / "plugins", ROOT / "examples"]
    assert sum(len(list(python_files(folder))) for folder in folders) > 100
    assert main([str(folder) for folder in folders]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(("module", "name"), sorted(public_names()))
def test_every_public_name_is_there(module: str, name: str):
    assert hasattr(import_module(module), name)


def test_every_public_name_stands_once():
    listed = [(module, name) for part in API for module, of in part.modules.items() for name in of]
    assert len(listed) == len(set(listed)) == len(public_names())


def test_the_short_cuts_are_those_of_the_package():
    assert set(short_cuts()) == set(causalxai.__all__)


@pytest.mark.parametrize(
    "source",
    [
        "from causalxai.graph import Edge",
        "from causalxai import Edge",
        "import causalxai\ncausalxai.Explainer",
        "import causalxai as cx\ncx.Explainer",
        "def late():\n    from causalxai.oracle import Want",
        "import causalxai_mine\nfrom causalxai_mine import Anything\nimport torch.nn",
    ],
)
def test_what_is_declared_may_be_used(tmp_path: Path, source: str):
    assert not faults(tmp_path, source)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("from causalxai.graph import Node", "part.py:1: causalxai.graph.Node is not"),
        (
            "\ndef f():\n    from causalxai.oracle import _x",
            "part.py:3: causalxai.oracle._x is not",
        ),
        ("from causalxai import pipeline", "causalxai.pipeline is not in the declared API"),
        ("import causalxai.graph", "the module causalxai.graph is not"),
        ("import causalxai as c\nc.cli.main()", "part.py:2: causalxai.cli is not"),
        ("import causalxai\ncausalxai.cli.main()", "part.py:2: causalxai.cli is not"),
        ("from causalxai.graph import *", r"causalxai.graph.* is not"),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from causalxai.cli import x",
            "part.py:3: causalxai.cli.x is not",
        ),
    ],
)
def test_what_is_not_declared_is_told_with_its_place(tmp_path: Path, source: str, what: str):
    (fault,) = faults(tmp_path, source)
    assert what in fault


def test_a_deprecated_name_is_told_with_what_to_use_instead(tmp_path: Path):
    leaving = {"causalxai.graph:Edge": Deprecation("0.4", "0.6", "causalxai.graph:Link")}
    (fault,) = faults(tmp_path, "from causalxai.graph import Edge", leaving)
    assert fault.endswith("causalxai.graph.Edge is deprecated: use causalxai.graph:Link")


@pytest.mark.parametrize(
    ("module", "name", "what"),
    [
        ("causalxai.graph", "Egde", "causalxai.graph.Egde is not there"),
        ("causalxai.nowhere", "Edge", "causalxai.nowhere.Edge is not there"),
        ("causalxai.graph", "cast", "causalxai.graph.cast is not there"),
        ("causalxai.metric", "Status", "or has no docstring"),
        ("causalxai.metric", "_RESAMPLES", "causalxai.metric._RESAMPLES is private"),
        ("causalxai._metric", "Metric", "causalxai._metric.Metric is private"),
    ],
)
def test_a_listed_name_that_does_not_keep_its_promise_is_told(module: str, name: str, what: str):
    (fault,) = faults_of_the_list(public_names() | {(module, name)}, {}, "1.0")
    assert what in fault


def test_a_short_cut_to_a_name_that_is_not_listed_is_told():
    public = public_names() - {("causalxai.graph", "Edge")}
    (fault,) = faults_of_the_list(public, {}, "1.0")
    assert fault == "causalxai.Edge is a short cut to a name that is not listed"


@pytest.mark.parametrize(
    ("instead", "version", "what"),
    [
        ("causalxai.graph:Edge", "0.5.9", None),
        ("causalxai.graph:Edge", "0.6.0", "was to be removed in 0.6; this is 0.6.0"),
        ("causalxai.graph:Egde", "0.5.9", "deprecated for causalxai.graph:Egde, which is not"),
    ],
)
def test_a_deprecated_name_has_another_in_its_place_and_goes_in_time(
    instead: str, version: str, what: str | None
):
    leaving = {"causalxai.graph:Arc": Deprecation("0.4", "0.6", instead)}
    found = faults_of_the_list(public_names(), leaving, version)
    assert [what in fault for fault in found] == [True] if what else not found


def test_imports_are_found_wherever_they_stand():
    import ast

    code = "if a:\n  try:\n    from causalxai.graph import Edge as E, Node\n  finally:\n    pass"
    found = list(core_imports(ast.parse(code)))
    assert found == [(3, "causalxai.graph", "Edge"), (3, "causalxai.graph", "Node")]


def test_the_list_is_printed_with_what_each_name_is(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == [
        section.purpose for section in API
    ]
    assert sum(line.startswith("- `") for line in lines) == len(public_names())
    assert "- `Edge`: " + (causalxai.Edge.__doc__ or "").partition("\n")[0] in lines
    assert not any("no docstring" in line for line in lines)
