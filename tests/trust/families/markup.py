"""Names of users that look like markup, in every place where names are shown."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from functools import partial
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from rich.console import Console

from causalxai import CausalGraph, Edge, EdgeKind, compare, run
from causalxai.command_line.terminal import make_console
from causalxai.comparison.terminal import terminal_table
from causalxai.comparison.writing import write_comparison
from causalxai.progress.bars import terminal_progress
from causalxai.report.graph_drawing import draw_graph
from causalxai.report.page import embedded, page_environment
from causalxai.report.plots import axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from tests.trust.family import Case, Family

NAMES = (
    "<xss>",
    '"><xss onxss=1>',
    "' onxss='1",
    '" onxss="1" x="',
    "--><xss>",
    "--!><xss>",
    "]]><xss>",
    "</title><xss>",
    "</style><xss>",
    "</pre></details><xss>",
    "</svg><xss>",
    "</text></g></svg><xss>",
    "<!--",
    "<![CDATA[<xss>]]>",
    "&lt;xss&gt;",
    "&#60;xss&#62;",
    "&",
    "javascript:xss()",
    "{{7*7}}{% for %}",
    "$x_{$",
    "$\\frac{1}$",
    "\\N \\l",
    "%s %(x)s {0} {x}",
    "[/red] [bold]x :smile:",
    "=1+1",
    'a,b"c;d',
    "two\nlines",
    "a\tb",
    "שלום عربي",
    "\u202eleft",
    "🦊 日本",
    "e\u0301\u200b",
    "../../x",
    "CON",
    "-- -",
    "x" * 200,
)


class _Page(HTMLParser):
    """The elements, attributes and text that a browser finds in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.scripts: list[tuple[str, str]] = []
        """The type and the source of each."""
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            kind, source = self.scripts.pop()
            self.scripts.append((kind, source + data))
        else:
            self.text += data


def _require_harmless(html: str, names: Sequence[str], *, shown: bool = True) -> None:
    page = _Page(html)
    odd = {"xss", "iframe", "object", "embed", "base", "form"}
    assert not odd.intersection(page.elements), f"elements: {odd.intersection(page.elements)}"
    for kind, source in page.scripts:
        _require_our_script(kind, source)
    handlers = {name for name, _ in page.attributes if name.startswith("on")}
    assert not handlers, f"attributes: {handlers}"
    for name, value in page.attributes:
        if name in ("href", "xlink:href", "src", "action"):
            # What a name looks like is no address.
            assert not value.strip().lower().startswith("javascript:"), f"{name}={value[:60]}"
    assert "49" not in page.text or "{{7*7}}" not in names, "a template was filled in"
    everything = " ".join((page.text + " ".join(v for _, v in page.attributes)).split())
    for name in names if shown else ():
        assert " ".join(name.split()) in everything, f"{name!r} is not shown"


def _require_our_script(kind: str, source: str) -> None:
    """Scripts are those that are shipped, to the letter, or data that are not run."""
    if kind == "application/json":
        json.loads(source)
        return
    for asset in sorted(files("causalxai.report").joinpath("assets").iterdir(), key=str):
        source = source.replace(asset.read_text(encoding="utf-8").strip(), "")
    assert kind == "" and not source.strip(), f"a script of type {kind!r}: {source.strip()[:80]}"


def _as_section(name: str, folder: Path) -> None:
    """Show a name in a text, a table, a caption and a plot of a report."""
    figure = new_figure(3, 2)
    axes = axes_grid(figure, 1, 1)[0][0]
    axes.barh([0], [1], label=name)
    axes.set_yticks([0], [name])
    axes.set_title(name)
    axes.set_xlabel(name)
    axes.legend()
    plot = embed(figure, name, name)
    environment = page_environment()
    environment.tests["text"] = lambda item: isinstance(item, Text)
    environment.tests["table"] = lambda item: isinstance(item, Table)
    environment.filters["embed"] = embedded
    section = Section(name, [Text(name), Table((name,), ((name,),), name), plot])
    assert isinstance(plot, Figure)
    assert plot.svg is not None
    ElementTree.fromstring(plot.svg)
    source = "{% extends 'page.html' %}{% block main %}{{ section.title }}"
    source += "{% for item in section['items'] %}{% if item is text %}{{ item.text }}"
    source += "{% elif item is table %}{{ item.rows }}{% else %}{{ item | embed }}{% endif %}"
    source += "{% endfor %}{% endblock %}"
    html = environment.from_string(source).render(section=section, spec={"name": name}, cards=())
    _require_harmless(html, [name])


def _as_graph(name: str, folder: Path) -> None:
    """Draw and store a graph with the name."""
    other = f"{name} too"
    graph = CausalGraph([name, other], [Edge(name, other, EdgeKind.BIDIRECTED, weight=0.5)])
    for drawn in (draw_graph(graph), draw_graph(graph, graph)):
        assert drawn.svg is not None
        ElementTree.fromstring(drawn.svg)
        _require_harmless(drawn.svg, ["\n".join(line for line in name.split("\n"))], shown=False)
    for suffix in ("json", "dot", "graphml"):
        path = folder / f"graph.{suffix}"
        graph.save(path)
        assert CausalGraph.load(path) == graph


def _on_a_terminal(name: str, folder: Path) -> None:
    """Print a name, in a line and as the label of a bar."""
    console = make_console(width=400)
    console.file = io.StringIO()
    console.print(name, highlight=False)
    # A terminal makes spaces of tabulators.
    assert name.expandtabs(8) in console.file.getvalue().expandtabs(8)
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, width=400)
    with terminal_progress(terminal) as progress, progress.task(name, total=1) as advance:
        advance(1, name)


def _write_data(folder: Path, classes: Sequence[str], concepts: Sequence[str]) -> dict[str, Any]:
    """Write an image folder whose two classes differ, with concepts and their graph."""
    draw = np.random.default_rng(0)
    rows = []
    for index, name in enumerate(classes):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(24):
            pixels = draw.integers(0, 100, (16, 16)) + 150 * index * (np.arange(16) > 7)
            file = f"{name}/<xss onxss={number}>.png".replace("\n", " ")
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / file)
            first = draw.normal()
            second = first + draw.exponential()
            rows.append([file, first, second, second + draw.exponential()])
    with (folder / "concepts.csv").open("w", newline="", encoding="utf-8") as file_:
        csv.writer(file_).writerows([["file", *concepts], *rows])
    CausalGraph(concepts, [tuple(concepts[:2]), tuple(concepts[1:])]).save(folder / "graph.json")
    return {
        "use": "image-folder",
        "path": str(folder / "images"),
        "size": 16,
        "channels": 1,
        "concepts": str(folder / "concepts.csv"),
        "graph": str(folder / "graph.json"),
    }


def _chosen(seed: int) -> tuple[list[str], list[str]]:
    """Return two names of classes, which are folders, and three of concepts."""
    draw = random.Random(seed)
    folders = [name for name in NAMES if "/" not in name and name.strip() and "\n" not in name]
    classes = sorted(draw.sample(folders, 2))
    concepts = draw.sample([name for name in NAMES if name not in classes], 3)
    return classes, concepts


def _spec(seed: int, folder: Path, parts: dict[str, Any]) -> dict[str, Any]:
    classes, concepts = _chosen(seed)
    return {
        "causalxai": 1,
        "name": "markup",
        "seed": 0,
        "device": "cpu",
        "dataset": _write_data(folder, classes, concepts),
        "classifier": {
            "use": "lenet", "epochs": 6, "learning_rate": 0.03, "batch_size": 8,
            "augment": False, "channels": [4, 6], "hidden": 16,
        },
        "images": {"count": 4},
        **parts,
    }  # fmt: skip


_INTERVENTIONAL: dict[str, Any] = {
    "method": "interventional",
    "concepts": {"layers": ["conv1", "conv2"], "granularity": "filter"},
    "graph": {"positives": 2},
    "explain": {"references": False, "map_layers": ["conv2"]},
}
_OBSERVATIONAL: dict[str, Any] = {
    "graph": {"use": "pc"},
    "explain": "saliency",
    "metrics": [{"use": "correctness", "subsets": 2, "repeats": 1}],
}


def _whole_run(parts: dict[str, Any], seed: int, folder: Path) -> None:
    _, concepts = _chosen(seed)
    finished = run(_spec(seed, folder, parts), out=folder / "runs")
    html = finished.report.read_text(encoding="utf-8")
    _require_harmless(html, concepts if "pc" in str(parts) else [])
    for file in (finished.directory / "figures").glob("*.svg"):
        ElementTree.parse(file)
    for suffix in ("json", "dot", "graphml"):
        assert CausalGraph.load(finished.directory / f"graph.{suffix}") == finished.graph
    for path in finished.directory.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))


def _whole_comparison(seed: int, folder: Path) -> None:
    spec = _spec(seed, folder, _OBSERVATIONAL)
    labels = [name for name in NAMES if "\n" not in name][seed::4]
    spec["vary"] = {
        "<xss>": {label: {"explain": ["random", "saliency", "constant"][index]}
                  for index, label in enumerate(labels[:3])}
    }  # fmt: skip
    finished = compare(spec, out=folder / "runs")
    page = write_comparison(finished)
    html = page.read_text(encoding="utf-8")
    _require_harmless(html, labels[:3])
    with (page.parent / "comparison.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["<xss>"] for row in rows} == set(labels[:3])
    console = make_console(width=400)
    console.file = io.StringIO()
    console.print(terminal_table(finished), highlight=False)


def _cases() -> Iterator[Case]:
    for name in NAMES:
        quick = name != "x" * 200
        yield Case(f"report of {name[:40]!r}", partial(_as_section, name), quick=quick)
        yield Case(f"graph of {name[:40]!r}", partial(_as_graph, name))
        yield Case(f"terminal with {name[:40]!r}", partial(_on_a_terminal, name), quick=quick)
    for seed in range(3):
        yield Case(f"observed concepts, {seed}", partial(_whole_run, _OBSERVATIONAL, seed))
    for seed in range(2):
        yield Case(f"parameters, {seed}", partial(_whole_run, _INTERVENTIONAL, seed))
        yield Case(f"comparison, {seed}", partial(_whole_comparison, seed))


FAMILY = Family(
    "markup",
    "A name is shown as it is, whatever it contains: no name changes a page, a file or a terminal.",
    _cases,
)
