"""Renders a run's results as one HTML page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Self, cast

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.metric import AttributionSpace, Estimate, MetricResult
from causalxai.report.export import figure_files
from causalxai.report.findings import findings
from causalxai.report.image_cards import ImageCard
from causalxai.report.section import Figure, Section, Table, Text
from causalxai.storage.record import Json, Record

if TYPE_CHECKING:
    from causalxai.config import ResolvedSpec


@dataclass(frozen=True)
class Report:
    """A rendered report.

    Parameters
    ----------
    html
        One page that needs no other file.
    figures
        The plugins' figures in it, by file name: SVG or PNG.
    fit
        The figures of the concept space's fit, plain values by name.
    """

    html: str
    figures: Mapping[str, bytes] = field(default_factory=dict)
    fit: Mapping[str, Json] = field(default_factory=dict)

    def to_record(self) -> Record:
        """Return the report as it is stored."""
        return Record(
            meta={"fit": dict(self.fit)}, texts={"report.html": self.html}, files=self.figures
        )

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """Read the record that ``to_record`` returned."""
        fit = cast("dict[str, Json]", record.meta["fit"])
        return cls(record.texts["report.html"], record.files, fit)


@dataclass(frozen=True)
class ScoreRow:
    """A line of the score table."""

    name: str
    value: str
    n: str
    kind: str
    """``score``, ``part``, ``chance``, ``control`` or ``note``."""


def render_report(
    spec: ResolvedSpec,
    *,
    accuracy: float,
    held_out: bool | None,
    graph: CausalGraph | None,
    metrics: Sequence[MetricResult],
    sections: Sequence[Section],
    explanation: Explanation | None = None,
    cards: Sequence[ImageCard] = (),
) -> Report:
    """Return the page and its figures.

    Parameters
    ----------
    spec
        The resolved spec of the run.
    accuracy
        The classifier's accuracy on the test images, in [0, 1].
    held_out
        Whether the classifier was never trained on these; ``None`` if that is not known.
    graph, metrics
        The results; ``None`` if the run has no graph.
    sections
        The sections on graph, explanation and concepts; the first one leads the page.
    explanation
        The explanation; ``None`` if the run has none.
    cards
        Cards of single images.
    """
    environment = page_environment()
    environment.tests["text"] = lambda item: isinstance(item, Text)
    environment.tests["table"] = lambda item: isinstance(item, Table)
    environment.filters["embed"] = embedded
    html = environment.get_template("page.html").render(
        spec=spec,
        findings=findings(
            spec,
            accuracy=_accuracy_in_words(accuracy, held_out),
            explanation=explanation,
            graph=graph,
            metrics=metrics,
            sections=sections,
        ),
        cards=cards,
        lead=sections[:1],
        sections=sections[1:],
        graph=graph,
        scores=[(result, list(score_rows(result))) for result in metrics],
        yaml=spec.to_yaml(),
    )
    return Report(html, dict(figure_files(sections)))


def render_summary(
    spec: ResolvedSpec,
    *,
    graph: CausalGraph | None,
    metrics: Sequence[MetricResult],
    report: Report,
) -> str:
    """Return a run's scores, without their parts, and its report's first figure as HTML.

    Parameters
    ----------
    spec
        The resolved spec of the run.
    graph, metrics
        The results; ``None`` if the run has no graph.
    report
        The report.
    """
    return (
        page_environment()
        .get_template("summary.html")
        .render(
            spec=spec,
            graph=graph,
            scores=[
                (result, [row for row in score_rows(result) if row.kind != "part"])
                for result in metrics
            ],
            figure=_first_figure(report),
        )
    )


def render_images_page(spec: ResolvedSpec, cards: Sequence[ImageCard], run: str) -> str:
    """Return a page with cards of images that a finished run explained.

    Parameters
    ----------
    spec
        The resolved spec of the run.
    cards
        One for each image.
    run
        Where the run is, in words.
    """
    page = page_environment().get_template("images_page.html")
    return page.render(spec=spec, cards=cards, count=len(cards), run=run)


def _first_figure(report: Report) -> str:
    """Return the address under which a page shows the first figure; empty if there is none."""
    if not report.figures:
        return ""
    name = min(report.figures)
    return data_uri(report.figures[name], "svg+xml" if name.endswith(".svg") else "png")


def data_uri(content: bytes, kind: str) -> str:
    """Return the address of an image that is written into a page; ``kind`` as in MIME types."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _accuracy_in_words(accuracy: float, held_out: bool | None) -> str:
    if held_out:
        return f"held-out accuracy {accuracy:.1%}"
    known = (
        "it is not known whether the network was trained on them"
        if held_out is None
        else "the network was trained on them"
    )
    return f"accuracy on the test images {accuracy:.1%}; {known}"


def page_environment(*packages: str) -> Environment:
    """Return a template environment that looks in some packages, and for the base in this one."""
    loaders = [PackageLoader(package, ".") for package in (*packages, "causalxai.report")]
    made = Environment(loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined)
    made.globals["asset"] = _asset
    return made


def _asset(name: str) -> Markup:
    """Return a style or a script of this package, which a page contains as it is."""
    source = files("causalxai.report").joinpath("assets", name).read_text(encoding="utf-8")
    return Markup(source)  # noqa: S704


def score_rows(result: MetricResult) -> Iterator[ScoreRow]:
    """Yield the lines of a metric: the score, chance, parts, controls and remarks."""
    if result.estimate is None:
        yield ScoreRow(result.metric, result.status, "", "score")
        yield ScoreRow(result.reason, "", "", "note")
        return
    yield _row(result.metric, result.estimate, "score")
    if result.chance is not None:
        yield _row("chance", result.chance, "chance")
    for name, estimate in result.parts.items():
        yield _row(name, estimate, "part")
    for name, estimate in result.controls.items():
        yield _row(name, estimate, "control")
    if result.translated:
        yield ScoreRow(_TRANSLATED[result.read], "", "", "note")
    if result.reason:
        yield ScoreRow(result.reason, "", "", "note")


_TRANSLATED: Mapping[AttributionSpace | None, str] = {
    AttributionSpace.CONCEPTS: "translated: a map of pixels, read as a claim about concepts "
    "through the oracle's pictures",
    AttributionSpace.PIXELS: "translated: a claim about concepts, painted as a map of pixels by "
    "the oracle's pictures",
    None: "translated by the oracle's pictures",
}


def _row(name: str, estimate: Estimate, kind: str) -> ScoreRow:
    value = f"{estimate.value:.3f}"
    if estimate.low is not None and estimate.high is not None:
        value += f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    return ScoreRow(name, value, str(estimate.n), kind)


def embedded(figure: Figure) -> Markup:
    """Return the markup of a figure. SVG is trusted because it comes from our own plots."""
    if figure.svg is not None:
        frame = Markup('<div role="img" aria-label="{}">{}</div>')
        return frame.format(figure.alt, Markup(figure.svg)) + _explorable(figure)  # noqa: S704
    address = data_uri(figure.png or b"", "png")
    return Markup('<img alt="{}" src="{}">').format(figure.alt, address)


def _explorable(figure: Figure) -> Markup:
    """Return the data of a figure's graph, from which the page's script draws it anew."""
    if figure.graph is None:
        return Markup()
    # A name of a user could end the element.
    data = json.dumps(figure.graph, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")
    frame = Markup('<script type="application/json" class="graph-data">{}</script>')
    return frame.format(Markup(data))  # noqa: S704
