"""Shows a summary of a report in a cell of a notebook."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from causalxai.report.page import page_environment


def in_cell(summary: str, page: Path) -> str:
    """Return the HTML that shows a summary in a cell, with a link to the whole report.

    Its styles are for itself alone, and leave colours to the notebook.

    Parameters
    ----------
    summary
        A fragment of HTML, which was rendered by causalxai and needs no other file.
    page
        The whole report.
    """
    return (
        page_environment()
        .get_template("cell.html")
        .render(
            summary=Markup(summary),  # noqa: S704
            page=page,
            link=quote(page.as_posix()),
        )
    )
