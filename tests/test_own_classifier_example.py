"""The examples with a network in memory do what they say, as they are."""

from __future__ import annotations

import runpy
from pathlib import Path

import nbclient
import nbformat
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_the_script_explains_compares_and_asks_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = EXAMPLES / "own_classifier.py"
    assert len(script.read_text().splitlines()) < 40
    runpy.run_path(str(script))["main"](tmp_path)
    asked, compared = capsys.readouterr().out.splitlines()
    assert Path(asked.split()[-1]).is_file()
    assert (Path(compared) / "comparison.html").is_file()


@pytest.mark.slow
def test_the_notebook_shows_the_report_and_the_comparison(tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLES / "own_classifier.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()
    shown = [
        output.data["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    report, scores, page = shown
    assert "<code>runs/interventional-" in report
    assert "grad-cam" in scores
    assert "/comparison.html</code>" in page
