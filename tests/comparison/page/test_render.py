from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from rich.console import Console

from causalxai import Comparison
from causalxai.comparison.formatting import number
from causalxai.comparison.page.render import _lead, render_comparison
from causalxai.comparison.page.score_table import fit_of, score_table
from causalxai.comparison.terminal import terminal_table
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


def test_the_first_table_has_metrics_across_and_labels_down(page: Page, done: Comparison):
    heads = page.row("method")[1]
    # A level of chance that all rows share is told once.
    assert heads == ["method", "best-concept ↑chance 0.333", "distance ↓", "cost"]
    kind, cells = page.row("exact")
    assert kind == ""
    assert "chance" not in cells[1]
    assert "zero" not in cells[2]
    assert cells[3].endswith(" s30 what-ifs")
    kind, cells = page.row("random (control)")
    assert kind == "apart"
    assert "what-ifs" not in cells[3]
    pooled = done.pooled()
    row = pooled[
        (pooled.method == "random") & (pooled.metric == "distance") & (pooled.kind == "score")
    ]
    assert cells[2].strip().startswith(f"{row.value.iloc[0]:.3f} [")


def test_what_failed_says_why(page: Page):
    _, cells = page.row("refusing")
    assert cells[1].strip() == cells[2].strip() == "no explanation today"
    failed = [cells for _, cells in page.rows if "failed: no explanation today" in cells]
    assert len(failed) == 2


def test_only_the_best_is_marked(scored: Callable[..., Comparison]):
    for higher, best in ((True, "c"), (False, "a")):
        scores = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 2.0, "c": 3.0}]
        table = score_table(scored(scores, higher_is_better=higher))
        marked = [line.labels[0] for line in table.lines if line.scores[0].best]
        assert marked == [best]


def test_rounding_makes_nobody_the_best(scored: Callable[..., Comparison]):
    table = score_table(scored([{"a": 0.1 + 0.2, "b": 0.3, "c": 0.2}]))
    assert [line.labels[0] for line in table.lines if line.scores[0].best] == ["a", "b"]


def test_controls_are_not_ranked_among_methods(done: Comparison):
    lines = {line.labels[0]: line for line in score_table(done).lines}
    assert [label for label, line in lines.items() if line.control] == ["random (control)"]
    # One of the two others failed, so that there is nothing to be better than.
    assert not any(score.best for line in lines.values() for score in line.scores)


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


def test_lines_with_the_same_fit_share_a_column(done: Comparison):
    fit = fit_of(done)
    assert fit.labels == ("exact, random (control)",)
    assert fit.columns == (("0.250 (all 2 alike)", "0.500 (all 2 alike)", "1.000 (all 2 alike)"),)


def test_what_describes_has_no_arrow_no_star_and_no_rank(scored: Callable[..., Comparison]):
    scores = [{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.5, "b": 2.5, "c": 3.5}]
    comparison = scored(scores, higher_is_better=None)
    table = score_table(comparison)
    assert table.metrics == ("score",)
    assert not any(line.scores[0].best for line in table.lines)
    assert comparison.ranks().empty
    differences = comparison.differences()
    assert (len(differences), differences.wins.notna().sum()) == (3, 0)
    assert "1.250" in render_comparison(comparison)


def shown_in_terminal(comparison: Comparison) -> str:
    console = Console(width=160, record=True, file=StringIO())
    console.print(terminal_table(comparison))
    return console.export_text()


def test_the_terminal_shows_what_the_page_shows(done: Comparison, compared: Callable[..., Any]):
    shown = shown_in_terminal(done)
    assert "chance 0." in shown and "control: zero 1." in shown
    assert "no explanation today" in shown
    values = {"a": 0.2, "b": 0.3, "long": None, "control": 0.25}
    marked = compared(values, translated=True)
    shown = shown_in_terminal(marked)
    assert "0.300 ★◇ [" in shown and "◇ translated" in shown
    assert "none (1)" in shown and "(1) a reason that is far too long" in shown
    assert "no better than control" in shown


def test_users_words_are_escaped(base: dict[str, object], tmp_path: Path):
    from causalxai import compare

    vary = {"method": {"<script>alert(1)</script>": {}, "b": {"explain": "random"}}}
    comparison = compare({**base, "vary": vary}, out=tmp_path, jobs=1)
    html = render_comparison(comparison)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345, "0.123"),
        (0, "0.000"),
        (-2.5, "\N{MINUS SIGN}2.500"),
        (12345.6, "1.23e+04"),
        (1.5e-7, "1.5e\N{MINUS SIGN}07"),
        (None, ""),
        (float("nan"), ""),
    ],
)
def test_figures_are_short(value: float | None, shown: str):
    assert number(value) == shown
