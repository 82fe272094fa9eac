"""Drawings of causal graphs in layers, causes left of their effects; without Graphviz."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.report.graph_choice import (
    MOST_EDGES,
    MOST_LABELLED,
    drawn_edges,
    edge_label,
    labelled_edges,
    sign_of,
)
from causalxai.report.graph_layout import LINES, SAID, Layout, layers_of, layout_of, legend
from causalxai.report.graph_view import GraphExtras, graph_view
from causalxai.report.plots import DOUBT, INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as PlotFigure
    from matplotlib.patches import FancyBboxPatch

MOST_COLUMNS = 8
"""With more columns than this there is no room for names; only the last effects keep theirs."""

_ROOMY_COLUMNS, _ROOMY_ROWS = 5, 6
# Inches for a column and a row of a drawing that has room for labels on its edges, and around it.
_WIDE, _HIGH, _PAD = 1.9, 0.7, 0.1
# How far edges may swing out, as twice the share of their length; upwards, if they lead right.
_BENDS = (0.0, 0.26, -0.26, 0.45, -0.45)
# Half of what a node takes, in columns and rows, and where along an edge that is looked at.
_NODE = (0.3, 0.28)
_WAY = tuple(step / 20 for step in range(2, 19))
# Off the middle, where edges cross.
_LABEL_AT = 0.4
_GREY = "#9aa5b1"
_NO_EXTRAS = GraphExtras()


class Verdict(StrEnum):
    """What the true graph says of an edge."""

    RIGHT = "right"
    WRONG = "wrong"
    """Reversed, additional, or with other marks."""
    OPEN = "open"
    """The two are joined, and the edge leaves the direction open."""
    UNKNOWN = "unknown"
    """The true graph does not have both nodes."""


def verdict_on(edge: Edge, truth: CausalGraph) -> Verdict:
    """Return what the true graph says of an edge."""
    if not edge.pair <= set(truth.nodes):
        return Verdict.UNKNOWN
    true = truth.between(edge.source, edge.target)
    if true is not None and true.claim == edge.claim:
        return Verdict.RIGHT
    leaves_open = true is not None and edge.kind is EdgeKind.UNDIRECTED
    return Verdict.OPEN if leaves_open else Verdict.WRONG


def missed_edges(graph: CausalGraph, truth: CausalGraph) -> list[Edge]:
    """Return the true edges whose nodes no edge of the graph joins."""
    return [edge for edge in truth.edges if graph.between(edge.source, edge.target) is None]


@dataclass(frozen=True)
class _Look:
    """How an edge is drawn; ``style`` overrules that of its marks."""

    colour: str
    width: float = 1.5
    alpha: float = 1.0
    style: str = ""


_LOOKS = {
    Verdict.RIGHT: _Look(INK, 2),
    Verdict.WRONG: _Look(DOUBT, 2, style="--"),
    Verdict.OPEN: _Look(INK, style="--"),
    Verdict.UNKNOWN: _Look(_GREY, 1),
}
_TRUE, _MISSED = _Look(INK), _Look(_GREY, style=":")
_COLOURS = {1: SUPPORT, -1: OPPOSE, 0: INK}
_DOUBTED = _Look(DOUBT, 0.8, 0.7, style=":")


def draw_graph(
    graph: CausalGraph,
    truth: CausalGraph | None = None,
    *,
    most: int = MOST_EDGES,
    isolated: bool = True,
    caption: str | None = None,
    extras: GraphExtras = _NO_EXTRAS,
) -> Figure:
    """Draw a graph; of a large one the strongest paths to its classes.

    In a page of a report, readers can explore the drawing.

    Edges are green where the weight is positive, orange where it is negative, and dark where it has
    no sign; they are the wider the larger it is. Edges with a ``doubt`` among their annotations are
    purple, thin and dotted. Beside a true graph, whose nodes are at the same places, an edge is
    dark if it is right, and purple and dashed if it is wrong. Small drawings have weight and
    frequency on each edge, and bend edges around the columns that they pass over.

    Parameters
    ----------
    graph
        Drawn on the right, if there are two.
    truth
        The true graph of some of its nodes.
    most
        The edges of a graph with more of them are not all drawn.
    isolated
        Whether nodes without an edge are drawn, where there are no more than ``most``.
    caption
        What it shows; a description of lines and colours unless given.
    extras
        What a plugin knows of the graph beyond the graph itself.
    """
    layers = layers_of(graph, truth)
    drawn = drawn_edges(graph, most, extras.strength)
    joined = {end for edge in drawn for end in edge.pair}
    if truth is not None:
        joined |= {end for edge in truth.edges for end in edge.pair}
    every = isolated and len(layers) <= most
    nodes = [node for node in layers if every or node in joined]
    layout = layout_of(layers, nodes)
    panels = 1 if truth is None else 2
    edges = [*drawn, *(() if truth is None else truth.edges)]
    page = _Page(layout, layout.columns <= _ROOMY_COLUMNS and layout.rows <= _ROOMY_ROWS)
    figure = page.figure(edges, panels)
    row = axes_grid(figure, 1, panels)[0]
    own = _Panel(row[-1], page, edges)
    own.draw_nodes(graph, nodes)
    for edge, look in _looks(drawn, graph, truth):
        own.draw_edge(edge, look)
    labelled = labelled_edges(graph, drawn) if page.roomy else []
    for edge in labelled:
        own.write(edge, edge_label(edge, graph))
    if truth is not None:
        for edge in missed_edges(graph, truth):
            own.draw_edge(edge, _MISSED)
        true = _Panel(row[0], page, edges)
        true.draw_nodes(truth, [node for node in nodes if node in truth.nodes])
        for edge in truth.edges:
            true.draw_edge(edge, _TRUE)
        row[0].set_title("true", fontsize=9)
        row[-1].set_title("discovered", fontsize=9)
    said = _caption(graph, drawn, labelled, layout) if caption is None else caption
    drawing = embed(figure, said, _alt(graph, truth))
    if truth is None:
        return replace(drawing, graph=graph_view(graph, extras, {}))
    verdicts = {edge.pair: verdict_on(edge, truth) for edge in graph.edges}
    missed = [(edge.source, edge.target) for edge in missed_edges(graph, truth)]
    apart = {**extras.apart, "missed: in the true graph, and not found": missed}
    return replace(drawing, graph=graph_view(graph, replace(extras, apart=apart), verdicts))


def draw_on_axes(
    graph: CausalGraph, axes: Axes | None, new_axes: Callable[[float, float], Axes]
) -> Axes:
    """Draw a graph alone, as ``draw_graph`` does.

    Parameters
    ----------
    graph
        The graph.
    axes
        The axes to draw on; new ones unless given.
    new_axes
        Makes axes of a width and a height in inches.
    """
    layers, drawn = layers_of(graph), drawn_edges(graph)
    joined = {end for edge in drawn for end in edge.pair}
    nodes = [node for node in layers if len(layers) <= MOST_EDGES or node in joined]
    layout = layout_of(layers, nodes)
    page = _Page(layout, layout.columns <= _ROOMY_COLUMNS and layout.rows <= _ROOMY_ROWS)
    axes = axes or new_axes(*page.size(drawn, 1))
    if page.roomy:
        # Bends, and the places of numbers on them, are for columns and rows of this shape.
        axes.set_aspect(_HIGH / _WIDE, adjustable="datalim")
    panel = _Panel(axes, page, drawn)
    panel.draw_nodes(graph, nodes)
    for edge, look in _looks(drawn, graph, None):
        panel.draw_edge(edge, look)
    for edge in labelled_edges(graph, drawn) if page.roomy else []:
        panel.write(edge, edge_label(edge, graph))
    return axes


@dataclass(frozen=True)
class _Page:
    """How large a drawing is, and where its edges run, in columns and rows."""

    layout: Layout
    roomy: bool

    def figure(self, edges: Iterable[Edge], panels: int) -> PlotFigure:
        """Return an empty figure, on which a column and a row have their size in inches."""
        return new_figure(*self.size(edges, panels))

    def size(self, edges: Iterable[Edge], panels: int) -> tuple[float, float]:
        """Return the width and the height of the figure in inches."""
        if not self.roomy:
            return 8.0, min(7.0, 1.2 + 0.26 * self.layout.rows)
        low, high = self.heights(edges)
        title = 0.0 if panels == 1 else 0.25
        width = _WIDE * (self.layout.columns + 0.1) + _PAD
        return panels * width, _HIGH * (high - low) + _PAD + title

    def heights(self, edges: Iterable[Edge]) -> tuple[float, float]:
        """Return from where to where nodes and edges go."""
        middles = [self.along(edge, 0.5)[1] for edge in edges]
        return min([0.0, *middles]) - 0.15, max([self.layout.rows, *middles]) + 0.15

    def ends(self, edge: Edge) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the places of an edge's source and target."""
        return self.layout.places[edge.source], self.layout.places[edge.target]

    def bend(self, edge: Edge) -> float:
        """Return the least bend with which an edge passes through no other node."""
        if not self.roomy:
            return 0.0
        others = [at for node, at in self.layout.places.items() if node not in edge.pair]
        clear = (bend for bend in _BENDS if not self._meets(edge, bend, others))
        return next(clear, _BENDS[1])

    def _meets(self, edge: Edge, bend: float, others: Sequence[tuple[float, float]]) -> bool:
        way = [self._along(edge, share, bend) for share in _WAY]
        return any(
            abs(x - at) < _NODE[0] and abs(y - height) < _NODE[1]
            for x, y in way
            for at, height in others
        )

    def along(self, edge: Edge, share: float) -> tuple[float, float]:
        """Return the place at a share of the way from source to target."""
        return self._along(edge, share, self.bend(edge))

    def _along(self, edge: Edge, share: float, bend: float) -> tuple[float, float]:
        (x, y), (to_x, to_y) = self.ends(edge)
        # matplotlib's arc3 is a quadratic Bézier curve, bent in inches rather than in rows.
        swing = 2 * share * (1 - share) * bend
        return (
            x + share * (to_x - x) - swing * (to_y - y) * _HIGH / _WIDE,
            y + share * (to_y - y) + swing * (to_x - x) * _WIDE / _HIGH,
        )


class _Panel:
    """One graph's axes."""

    def __init__(self, axes: Axes, page: _Page, edges: Iterable[Edge]) -> None:
        self.axes, self.page = axes, page
        self.boxes: dict[str, FancyBboxPatch | None] = {}
        axes.axis("off")
        axes.set_xlim(-0.55, page.layout.columns - 0.45)
        axes.set_ylim(*page.heights(edges))

    def draw_nodes(self, graph: CausalGraph, nodes: Sequence[str]) -> None:
        """Draw nodes as boxes with their names; where there is no room, as dots."""
        crowded = self.page.layout.columns > MOST_COLUMNS
        for node in nodes:
            x, y = self.page.layout.places[node]
            if crowded and graph.children(node):
                self.axes.plot(x, y, "o", markersize=3, color=INK)
                continue
            size = 9 if self.page.roomy else 7
            self.boxes[node] = self.axes.text(
                x, y, node, ha="center", va="center", fontsize=size, color=INK,
                bbox={"boxstyle": "round,pad=0.3", "fc": "white", "ec": _GREY, "lw": 0.7},
            ).get_bbox_patch()  # fmt: skip

    def draw_edge(self, edge: Edge, look: _Look) -> None:
        """Draw an edge from border to border of its nodes, which are drawn before."""
        line, (source, target) = LINES[edge.kind], self.page.ends(edge)
        self.axes.annotate(
            "", xy=target, xytext=source,
            arrowprops={
                "arrowstyle": line.arrow,
                "connectionstyle": f"arc3,rad={-self.page.bend(edge)}",
                "color": look.colour, "linewidth": look.width, "alpha": look.alpha,
                "linestyle": look.style or line.style,
                "patchA": self.boxes.get(edge.source), "patchB": self.boxes.get(edge.target),
                "shrinkA": 1, "shrinkB": 2,
            },
        )  # fmt: skip

    def write(self, edge: Edge, text: str) -> None:
        """Write on an edge."""
        self.axes.text(
            *self.page.along(edge, _LABEL_AT), text,
            ha="center", va="center", fontsize=8, color=INK,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.9},
        )  # fmt: skip


def _looks(
    drawn: Sequence[Edge], graph: CausalGraph, truth: CausalGraph | None
) -> list[tuple[Edge, _Look]]:
    if truth is not None:
        return [
            (edge, _DOUBTED if edge.doubt else _LOOKS[verdict_on(edge, truth)]) for edge in drawn
        ]
    strongest = max((abs(edge.weight or 1.0) for edge in drawn), default=1.0) or 1.0
    looks = []
    for edge in drawn:
        share = abs(edge.weight or 1.0) / strongest
        look = _Look(_COLOURS[sign_of(edge, graph)], 0.6 + 2 * share, 0.35 + 0.6 * share)
        looks.append((edge, _DOUBTED if edge.doubt else look))
    return looks


def _caption(
    graph: CausalGraph, drawn: Sequence[Edge], labelled: Collection[Edge], layout: Layout
) -> str:
    every = len(drawn) == len(graph.edges)
    which = "All" if every else f"{len(drawn)} of the"
    said = f"{which} {len(graph.edges)} edges; {_colours(drawn, graph)}, width by weight."
    if not every:
        said = f"The strongest paths: {said}"
    if labelled:
        said += (
            " On an arrow: its weight and, where it is known, in which share of resamples it is "
            "found."
        )
    if layout.columns > MOST_COLUMNS:
        said += " Dots are unnamed for want of room; graph.json has the names."
    return said + legend(graph)


def _colours(drawn: Sequence[Edge], graph: CausalGraph) -> str:
    """Say what the colours of these edges mean."""
    said = ["green supports", "orange opposes"]
    sure = [edge for edge in drawn if not edge.doubt]
    if any(sign_of(edge, graph) == 0 for edge in sure):
        said.append("dark has no sign")
    if len(sure) < len(drawn):
        said.append("purple and dotted is not to be believed")
    return ", ".join(said)


def _alt(graph: CausalGraph, truth: CausalGraph | None) -> str:
    if truth is not None:
        return f"True edges: {_listed(truth)}. Discovered edges: {_listed(graph)}."
    if len(graph.edges) > MOST_LABELLED:
        return f"Causal graph with {len(graph.nodes)} nodes and {len(graph.edges)} edges."
    said = [
        SAID[edge.kind].format(edge.source, edge.target)
        + (" (not to be believed)" if edge.doubt else "")
        for edge in graph.edges
    ]
    return f"Causal graph: {'; '.join(said) or 'no edges'}."


def _listed(graph: CausalGraph) -> str:
    return "; ".join(map(str, graph.edges)) or "none"
