"""The page of a finished comparison, parsed."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from causalxai import Comparison


class Page(HTMLParser):
    """A page's tags, the rows of its tables, and its headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.rows: list[tuple[str, list[str]]] = []
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "tr":
            self.rows.append((attributes.get("class", ""), []))
        if tag in ("td", "th"):
            self.rows[-1][1].append("")
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == self._open else self._open

    def handle_data(self, data: str) -> None:
        if self._open:
            self.rows[-1][1][-1] += data

    def row(self, first: str) -> tuple[str, list[str]]:
        return next(row for row in self.rows if row[1] and row[1][0].strip().startswith(first))


@pytest.fixture
def read_page() -> Callable[[Path], Page]:
    return lambda path: Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def page(done: Comparison, read_page: Callable[[Path], Page]) -> Page:
    return read_page(done.directory / "comparison.html")
