from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from causalxai import CausalGraph, Run
from causalxai.cli import app


def graph(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["graph", *map(str, arguments)])


@pytest.mark.parametrize("kind", ["dot", "graphml", "json"])
def test_what_is_printed_can_be_read_again(kind: str, finished: Run, tmp_path: Path):
    done = graph(finished.directory, "--format", kind)
    assert done.exit_code == 0, done.output
    file = tmp_path / f"graph.{kind}"
    file.write_text(done.stdout, encoding="utf-8")
    assert CausalGraph.load(file) == finished.graph


def test_mermaid_has_every_node_and_edge(finished: Run):
    lines = graph(finished.directory, "--format", "mermaid").stdout.splitlines()
    assert len(lines) == 1 + len(finished.graph.nodes) + len(finished.graph.edges)


def test_what_has_no_graph_is_refused(tmp_path: Path):
    done = graph(tmp_path)
    assert done.exit_code == 2
    assert "this is not the directory of a run" in " ".join(done.stderr.split())
    (tmp_path / "spec.yaml").touch()
    assert "the run has no graph" in graph(tmp_path).stderr
