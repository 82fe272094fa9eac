from __future__ import annotations

from pathlib import Path

from causalxai import Run
from causalxai.pipeline.figures import save_figures


def test_figures_and_tables_of_a_run_are_files(finished: Run, tmp_path: Path):
    saved = save_figures(finished, tmp_path / "new" / "folder", "pdf")
    drawn = {path.stem for path in (finished.directory / "figures").iterdir()}
    assert {path.stem for path in saved if path.suffix == ".pdf"} == drawn
    assert all(path.is_file() for path in saved)
    tables = {path.stem for path in saved if path.suffix == ".csv"}
    assert tables and tables == {path.stem for path in saved if path.suffix == ".tex"}
