from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from causalxai import Comparison
from causalxai.comparison.page.render import _lead, render_comparison
from causalxai.comparison.writing import write_comparison

FETCHING = {"src", "srcset", "xlink:href", "data", "action", "poster", "background"}


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
        return next(row for row in self.rows if row[1] and row[1][0].strip() == first)


@pytest.fixture
def page(done: Comparison) -> Page:
    return Page((done.directory / "comparison.html").read_text(encoding="utf-8"))


def test_the_page_needs_no_other_file(page: Page, done: Comparison):
    fetched = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in FETCHING and not value.startswith("data:image/png;base64,")
    ]
    assert fetched == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe")]
    html = (done.directory / "comparison.html").read_text(encoding="utf-8")
    styles = " ".join(re.findall(r"<style>.*?</style>", html, flags=re.DOTALL))
    assert styles
    assert re.findall(r"url\((?!#)|@import", styles + str(page.tags)) == []


def test_links_lead_to_the_runs_own_reports(done: Comparison, page: Page, tmp_path: Path):
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert len(links) == 4
    assert all((done.directory / unquote(link)).is_file() for link in links)
    elsewhere = write_comparison(done, tmp_path / "else" / "where")
    for tag, attributes in Page(elsewhere.read_text(encoding="utf-8")).tags:
        if tag == "a":
            assert (elsewhere.parent / unquote(attributes["href"])).is_file()


def test_controls_of_the_scores_fold_out(page: Page):
    mine = [cells for _, cells in page.rows if cells and cells[0].strip() == "exact"]
    assert [cells for cells in mine[1:] if any("zero 1.116" in cell for cell in cells)]


def test_what_failed_says_why(page: Page):
    _, cells = page.row("refusing")
    assert cells[1].strip() == cells[2].strip() == "no explanation today"
    failed = [cells for _, cells in page.rows if "failed: no explanation today" in cells]
    assert len(failed) == 2


def test_the_same_images_stand_beside_their_maps(page: Page):
    head = next(cells for _, cells in page.rows if cells[:1] == ["image"])
    # Whoever explains no pixels has no strip, and whoever failed has none.
    assert head == ["image", "exactpatches"]
    tiles = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert len(tiles) == 2 * 3
    assert tiles.count("exact: patches") == 3


def test_the_page_says_what_explains_what(done: Comparison):
    told = "exact and refusing explain two trainings of one architecture (toy, trained on toy)"
    assert _lead(done) == f"{told}, beside the controls random."
    first = replace(done, entries=done.entries[:3])
    assert _lead(first).startswith("exact and refusing explain one classifier (toy, ")


def test_users_words_are_escaped(base: dict[str, object], tmp_path: Path):
    from causalxai import compare

    vary = {"method": {"<script>alert(1)</script>": {}, "b": {"explain": "random"}}}
    comparison = compare({**base, "vary": vary}, out=tmp_path, jobs=1)
    html = render_comparison(comparison)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
