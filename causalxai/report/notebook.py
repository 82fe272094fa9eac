"""Shows a page in a cell of a notebook."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

_HEIGHT = 640


def in_cell(page: str, folder: Path) -> str:
    """Return the HTML that shows a page in a cell, with the folder that holds all files.

    The page is in a frame of its own, so that its styles and those of the notebook don't mix.

    Parameters
    ----------
    page
        An HTML page that needs no other file.
    folder
        The folder.
    """
    cell = Markup(
        "<p>All files are in <code>{}</code>.</p>"
        '<iframe srcdoc="{}" title="{}" style="width: 100%; height: {}px; border: 1px solid #ccc">'
        "</iframe>"
    )
    return str(cell.format(folder, page, folder.name, _HEIGHT))
