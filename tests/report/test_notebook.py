from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from causalxai.report.notebook import in_cell

PAGE = '<!doctype html><html><body class="a">1 &lt; 2 & "more"</body></html>'


def test_a_cell_holds_the_page_and_names_the_folder() -> None:
    found: dict[str, dict[str, str | None]] = {}
    texts: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found[tag] = dict(attrs)

        def handle_data(self, data: str) -> None:
            texts.append(data)

    Parser().feed(in_cell(PAGE, Path("runs") / "a<b"))
    assert found["iframe"]["srcdoc"] == PAGE
    assert "".join(texts) == "All files are in runs/a<b."
    assert set(found) == {"p", "code", "iframe"}
