"""Writes a finished comparison to a folder: page, table, summary and spec."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from causalxai.comparison.page.render import PageParts, render_comparison, render_summary
from causalxai.comparison.result import Comparison
from causalxai.storage.writing import write_whole


def write_comparison(comparison: Comparison, directory: str | Path | None = None) -> Path:
    """Write the page, its summary, the table, JSON and the spec; return the page's path.

    Parameters
    ----------
    comparison
        A finished comparison.
    directory
        The folder; ``comparison.directory`` by default.

    Raises
    ------
    DataError
        If it cannot be written there.
    """
    folder = Path(directory or comparison.directory)
    parts = cache(lambda: PageParts.of(comparison))
    figures = json.dumps(comparison.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    texts: dict[str, Callable[[], str]] = {
        "comparison.csv": lambda: comparison.table.to_csv(index=False),
        "comparison.json": lambda: figures + "\n",
        "spec.yaml": lambda: comparison.yaml,
        # The pages are written last, so that the table is there even if they fail.
        "summary.html": lambda: render_summary(comparison, parts()),
        "comparison.html": lambda: render_comparison(comparison, folder, parts()),
    }
    for name, text in texts.items():
        write_whole(folder / name, text())
    return folder / "comparison.html"
