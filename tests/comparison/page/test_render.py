from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from causalxai import Comparison
from causalxai.comparison.page.render import _lead, render_comparison, render_summary
from causalxai.comparison.rows import Outcome
from causalxai.comparison.writing import write_comparison

FETCHING = {"src", "srcset", "xlink:href", "data", "action", "poster", "background"}


def test_the_page_needs_no_other_file(page: Any, done: Comparison):
    fetched = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in FETCHING and not value.startswith("data:image/png;base64,")
    ]
    assert fetched == []
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe")]
    html = (done.directory / "comparison.html").read_text(encoding="utf-8")
    styles = " ".join(re.findall(r"<style>.*?</style>", html, flags=re.DOTALL))
    assert styles
    assert re.findall(r"url\((?!#)|@import", styles + str(page.tags)) == []


def test_the_summary_has_the_images_the_scores_and_what_failed(
    done: Comparison, page: Any, read_page: Callable[[Path], Any]
):
    summary = read_page(done.directory / "summary.html")
    assert {tag for tag, _ in summary.tags} <= {tag for tag, _ in page.tags}
    images = [attributes["src"] for tag, attributes in summary.tags if tag == "img"]
    assert images == [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    # A notebook has no links to the runs.
    assert summary.row("exact")[1][1:] == page.row("exact")[1][1:]
    html = (done.directory / "summary.html").read_text(encoding="utf-8")
    assert html.count("no explanation today") >= 2
    assert _lead(done) in html
    assert "On grey: controls" in html
    assert "Pairs: " not in html


def reports_in(page: Any) -> list[str]:
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    return [link for link in links if not link.startswith("#")]


def test_links_lead_to_the_runs_own_reports(
    done: Comparison, page: Any, read_page: Callable[[Path], Any], tmp_path: Path
):
    links = reports_in(page)
    # Each from the list of runs, and from the row that pools it with the other seed.
    assert sorted(links) == sorted(2 * list(dict.fromkeys(links))) and len(links) == 8
    assert all((done.directory / unquote(link)).is_file() for link in links)
    elsewhere = write_comparison(done, tmp_path / "else" / "where")
    moved = reports_in(read_page(elsewhere))
    assert len(moved) == 8
    assert all((elsewhere.parent / unquote(link)).is_file() for link in moved)


def test_controls_of_the_scores_fold_out(page: Any):
    mine = [cells for _, cells in page.rows if cells and cells[0].strip() == "exact"]
    assert [cells for cells in mine[1:] if any("zero 1.116" in cell for cell in cells)]


def test_what_failed_says_why(page: Any):
    _, cells = page.row("refusing")
    assert cells[1].strip() == cells[2].strip() == "no explanation today"
    failed = [cells for _, cells in page.rows if "failed: no explanation today" in cells]
    assert len(failed) == 2


def test_the_same_images_stand_beside_their_maps(page: Any):
    head = next(cells for _, cells in page.rows if cells[:1] == ["image"])
    # Whoever explains no pixels has no strip, and whoever failed has none.
    assert head == ["image", "exactpatches"]
    tiles = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert len(tiles) == 2 * 3
    assert tiles.count("exact: patches") == 3


def test_the_page_says_what_explains_what(done: Comparison):
    told = "exact and refusing explain two trainings of one architecture (toy, trained on toy)"
    assert _lead(done) == f"{told}, beside the control random."
    first = replace(done, entries=done.entries[:3])
    assert _lead(first).startswith("exact and refusing explain one classifier (toy, ")


def test_the_page_does_not_claim_that_a_given_network_was_trained(
    done: Comparison, monkeypatch: pytest.MonkeyPatch
):
    source = done.entries[0].cell.spec.classifier.plugin_class
    monkeypatch.setattr(source, "trains", property(lambda self: False))
    told = "exact and refusing explain toy (not trained here) on toy, beside the control random."
    assert _lead(done) == told


def test_where_all_runs_failed_nothing_is_said_of_the_classifier(
    done: Comparison, monkeypatch: pytest.MonkeyPatch
):
    def broken(self: object, config: object) -> None:
        raise RuntimeError("cannot be built")

    failed = tuple(replace(entry, outcome=Outcome("it is broken")) for entry in done.entries)
    monkeypatch.setattr(done.entries[0].cell.spec.classifier.plugin_class, "__init__", broken)
    assert _lead(replace(done, entries=failed)) == ""


def test_users_words_are_escaped(base: dict[str, object], tmp_path: Path):
    from causalxai import compare

    vary = {"method": {"<script>alert(1)</script>": {}, "b": {"explain": "random"}}}
    comparison = compare({**base, "vary": vary}, out=tmp_path, jobs=1)
    for html in (render_comparison(comparison), render_summary(comparison)):
        assert "<script>alert" not in html
        assert "&lt;script&gt;" in html
