"""Writes the figures and the tables of a run's report as files for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from causalxai.pipeline.execution import Run, exact_convolutions
from causalxai.pipeline.rendering import export

if TYPE_CHECKING:
    from causalxai.report.plots import FigureKind


def save_figures(run: Run, folder: str | Path, kind: FigureKind = "pdf") -> list[Path]:
    """Write the figures and the tables of a report into a folder, and return their files.

    Parameters
    ----------
    run
        A finished run.
    folder
        Made if it is not there.
    kind
        The format of the figures. Tables are written as CSV and as LaTeX.
    """
    with exact_convolutions():
        files = export(run.pipeline.reported(), run.pipeline.watch, kind)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    return [place / name for name in files]
