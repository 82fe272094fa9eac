"""The discovered graph beside the true one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes

from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.graph_layout import LINES
from causalxai.report.plots import INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_glance.discoverer import GlanceDiscoverer
from causalxai_glance.report.evidence import witness_section

Places = Mapping[str, tuple[float, float]]

_MOST_LABELLED = 12
_WIDE, _ASIDE = 1.3, 3.2

_NEAR_THE_CAUSE, _NEAR_THE_END = 0.36, 0.72


@dataclass(frozen=True)
class _Look:
    """How an arrow is drawn."""

    colour: str
    line: str = "-"
    width: float = 1.5
    head: str = "-|>"


_LOOKS = {
    "right": _Look(SUPPORT, width=2),
    "wrong": _Look(OPPOSE, "--", 2),
    "missed": _Look("#9aa5b1", ":"),
    "open": _Look(INK, "--"),
    "side": _Look("#9aa5b1", width=1),
    "found": _Look(INK),
}


def graph_report(
    discoverer: GlanceDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,
) -> GraphReport:
    """Show the graph beside the true one, and the evidence on each edge."""
    sections = graph_section(graph, inputs.dataset.graph), witness_section(graph)
    return GraphReport(sections, draws_graph=True)


def graph_section(
    graph: CausalGraph,
    truth: CausalGraph | None = None,
    *,
    title: str = "The graph of concepts",
    more: Sequence[Text | Table | Figure] = (),
) -> Section:
    """Show a discovered graph, beside the true one where that is known.

    Parameters
    ----------
    graph
        Over the named concepts; nodes of higher tiers, such as a prediction, stand at the side.
    truth
        Over (some of) the same names.
    title
        The section's.
    more
        What else the discoverer has to say.
    """
    items: list[Text | Table | Figure] = [draw_beside_truth(graph, truth)]
    if truth is not None:
        items.insert(0, Text(_score(graph, truth)))
    return Section(title, [*items, *more])


def draw_beside_truth(graph: CausalGraph, truth: CausalGraph | None = None) -> Figure:
    """Draw both graphs, every node at the same place; what is wrong is marked by line style."""
    places = _places(graph, truth)
    panels = 1 if truth is None else 2
    figure = new_figure(4.3 * panels, 3.0)
    row = axes_grid(figure, 1, panels)[0]
    if truth is not None:
        _panel(row[0], places, truth.nodes, "true")
        for edge in truth.edges:
            _arrow(row[0], places, edge, replace(_LOOKS["found"], head=LINES[edge.kind].arrow))
    _panel(row[-1], places, places, "discovered")
    labelled = len(graph.edges) <= _MOST_LABELLED
    for edge in graph.edges:
        kind = _kind(edge, graph, truth)
        look = replace(_LOOKS[kind], head=LINES[edge.kind].arrow)
        _arrow(row[-1], places, edge, look)
        if labelled or kind != "side":
            _label(row[-1], places, edge, aside=edge.target in _aside(graph, truth))
    for edge in _missed(graph, truth):
        _arrow(row[-1], places, edge, _LOOKS["missed"])
    return embed(figure, _caption(graph, truth), _alt(graph, truth))


def _kind(edge: Edge, graph: CausalGraph, truth: CausalGraph | None) -> str:
    if truth is None:
        return "side" if edge.target in _aside(graph, truth) else "found"
    if not {edge.source, edge.target} <= set(truth.nodes):
        return "side"
    true = truth.between(edge.source, edge.target)
    if true is None:
        return "wrong"
    if true.claim == edge.claim:
        return "right"
    return "open" if edge.kind is EdgeKind.UNDIRECTED else "wrong"


def _missed(graph: CausalGraph, truth: CausalGraph | None) -> list[Edge]:
    """Return the true edges whose nodes no edge of the graph joins."""
    if truth is None:
        return []
    return [edge for edge in truth.edges if graph.between(edge.source, edge.target) is None]


def _places(graph: CausalGraph, truth: CausalGraph | None) -> Places:
    """Put concepts on an ellipse, where no edge runs through a third node, others at its side."""
    names = list(dict.fromkeys([*(truth.nodes if truth else ()), *graph.nodes]))
    aside = _aside(graph, truth)
    around = [name for name in names if name not in aside]
    count = max(1, len(around))
    # So turned that nothing lies level with the centre, where arrows to the side pass.
    start = np.pi / 2 + (np.pi / count if count % 4 == 0 else 0)
    angles = start - 2 * np.pi * np.arange(len(around)) / count
    places = {
        name: (_WIDE * float(np.cos(angle)), float(np.sin(angle)))
        for name, angle in zip(around, angles, strict=True)
    }
    for index, name in enumerate(aside):
        places[name] = (_ASIDE, 1 - 2 * (index + 1) / (len(aside) + 1))
    return places


def _aside(graph: CausalGraph, truth: CausalGraph | None) -> list[str]:
    """Return the nodes of higher tiers that the true graph does not know."""
    lowest = min(graph.tiers.values(), default=0)
    known = () if truth is None else truth.nodes
    return [
        name for name in graph.nodes if graph.tiers.get(name, lowest) > lowest and name not in known
    ]


def _panel(axes: Axes, places: Places, nodes: Iterable[str], title: str) -> None:
    """Draw dots and, outside of them, their names."""
    axes.axis("off")
    axes.set_aspect("equal")
    widest = max((x for x, _ in places.values()), default=1.0)
    axes.set_xlim(-2.1, max(2.1, widest + 0.9))
    axes.set_ylim(-1.4, 1.4)
    axes.set_title(title, fontsize=9)
    for name in nodes:
        x, y = places[name]
        axes.plot(x, y, "o", markersize=8, color=INK)
        side = "center" if abs(x) < 0.3 else "left" if x > 0 else "right"
        height = "center" if side != "center" else "bottom" if y > 0 else "top"
        axes.text(
            x + 0.12 * np.sign(x) * (side != "center"), y + 0.12 * np.sign(y) * (side == "center"),
            name, fontsize=9, ha=side, va=height, parse_math=False,
        )  # fmt: skip


def _arrow(axes: Axes, places: Places, edge: Edge, look: _Look) -> None:
    axes.annotate(
        "",
        xy=places[edge.target],
        xytext=places[edge.source],
        arrowprops={
            "arrowstyle": look.head,
            "color": look.colour,
            "linestyle": look.line,
            "linewidth": look.width,
            "shrinkA": 7,
            "shrinkB": 7,
        },
    )


def _label(axes: Axes, places: Places, edge: Edge, *, aside: bool) -> None:
    """Write weight and frequency on an arrow, off its middle, where arrows cross."""
    known = []
    if edge.weight is not None:
        # What moves a prediction has no sign: it is a distance.
        weight = f"{edge.weight:.2f}" if aside else f"{edge.weight:+.2f}"
        known.append(weight.replace("-", "\N{MINUS SIGN}"))
    if edge.frequency is not None:
        known.append(f"{edge.frequency:.0%}")
    if not known:
        return
    (x, y), (to_x, to_y) = places[edge.source], places[edge.target]
    share = _NEAR_THE_END if aside else _NEAR_THE_CAUSE
    axes.text(
        x + share * (to_x - x), y + share * (to_y - y), ", ".join(known),
        fontsize=8, ha="center", va="center",
        bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.9},
    )  # fmt: skip


def _score(graph: CausalGraph, truth: CausalGraph) -> str:
    """Count right, open, reversed, additional and missing edges."""
    kinds = Counter(_kind(edge, graph, truth) for edge in graph.edges)
    turned = sum(truth.has_edge(edge.target, edge.source) for edge in graph.directed_edges)
    opened = f"; with the direction left open: {kinds['open']}" if kinds["open"] else ""
    return (
        f"True edges found: {kinds['right']} of {len(truth.edges)}{opened}; reversed: {turned}; "
        f"missed: {len(_missed(graph, truth))}; found that are not true: {kinds['wrong'] - turned}."
    )


def _caption(graph: CausalGraph, truth: CausalGraph | None) -> str:
    said = (
        "On an arrow: its weight, in units of the effect (an sd, or being there) for one of the "
        "cause, and in which share of resamples it is found, where known."
    )
    if any(edge.target in _aside(graph, truth) for edge in graph.edges):
        said += (
            " Into the prediction: how far one unit of the concept moves the predicted "
            "probabilities, their total variation distance, 0 to 1."
        )
    if any(not edge.directed for edge in graph.edges):
        said += " A line with no head: the labels do not tell the direction."
    if truth is None:
        return f"The discovered graph. {said}"
    aside = any(_kind(edge, graph, truth) == "side" for edge in graph.edges)
    rest = " Grey: edges that the true graph does not speak of." if aside else ""
    return (
        "The true graph and the discovered one. Green and solid: right; orange and dashed: "
        f"reversed or additional; grey and dotted: missed.{rest} {said}"
    )


def _alt(graph: CausalGraph, truth: CausalGraph | None) -> str:
    edges = "; ".join(map(str, graph.edges)) or "none"
    if truth is None:
        return f"Discovered edges: {edges}."
    true = "; ".join(map(str, truth.edges)) or "none"
    return f"True edges: {true}. Discovered edges: {edges}."
