from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from causalxai.report.notebook import in_cell


def test_a_cell_holds_the_summary_and_leads_to_the_page() -> None:
    links: list[str | None] = []
    texts: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "a":
                links.append(dict(attrs)["href"])

        def handle_data(self, data: str) -> None:
            texts.append(data)

    cell = in_cell("<p>1 &lt; 2</p>", Path("runs") / "a<b" / "report.html")
    assert "<p>1 &lt; 2</p>" in cell
    Parser().feed(cell)
    assert links == ["runs/a%3Cb/report.html"]
    assert "The whole report: runs/a<b/report.html" in "".join(texts)


def test_styles_are_for_the_cell_alone() -> None:
    cell = in_cell("", Path("report.html"))
    styles = cell[cell.index("<style>") + len("<style>") : cell.index("</style>")]
    selectors = [one for rule in styles.split("}")[:-1] for one in rule.split("{")[0].split(",")]
    assert len(selectors) > 3
    assert all(selector.strip().startswith(".causalxai ") for selector in selectors)
