"""Drawings of causal graphs in layers, causes left of their effects; without Graphviz."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from causalxai.graph import CausalGraph, Edge, EdgeKind, NodeKind
from causalxai.report.graph_layout import LINES, SAID, Layout, layers_of, layout_of, legend
from causalxai.report.plots import INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as PlotFigure
    from matplotlib.patches import FancyBboxPatch

MOST_EDGES = 60
"""A drawing with more edges than this tells nothing."""

MOST_COLUMNS = 8
"""With more columns than this there is no room for names; only the last effects keep theirs."""

_MOST_LABELLED = 12
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
    Verdict.RIGHT: _Look(SUPPORT, 2),
    Verdict.WRONG: _Look(OPPOSE, 2, style="--"),
    Verdict.OPEN: _Look(INK, style="--"),
    Verdict.UNKNOWN: _Look(_GREY, 1),
}
_TRUE, _MISSED = _Look(INK), _Look(_GREY, style=":")


def draw_graph(
    graph: CausalGraph,
    truth: CausalGraph | None = None,
    *,
    most: int = MOST_EDGES,
    isolated: bool = True,
    caption: str | None = None,
) -> Figure:
    """Draw a graph; of a large one the strongest edges of each layer.

    Edges are green where the weight is positive and orange where it is negative, and the wider the
    larger it is. Beside a true graph, whose nodes are at the same places, the colour tells the
    verdict on the edge instead. Small drawings have weight and frequency on each edge, and bend
    edges around the columns that they pass over.

    Parameters
    ----------
    graph
        Drawn on the right, if there are two.
    truth
        The true graph of some of its nodes.
    most
        How many edges are drawn.
    isolated
        Whether nodes without an edge are drawn, where there are no more than ``most``.
    caption
        What it shows; a description of lines and colours unless given.
    """
    layers = layers_of(graph, truth)
    drawn = _strongest(graph, layers, most)
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
    for edge, look in _looks(drawn, truth):
        own.draw_edge(edge, look)
    labelled = _labelled(graph, drawn) if page.roomy else []
    for edge in labelled:
        own.write(edge, _label(edge, graph))
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
    return embed(figure, said, _alt(graph, truth))


@dataclass(frozen=True)
class _Page:
    """How large a drawing is, and where its edges run, in columns and rows."""

    layout: Layout
    roomy: bool

    def figure(self, edges: Iterable[Edge], panels: int) -> PlotFigure:
        """Return an empty figure, on which a column and a row have their size in inches."""
        if not self.roomy:
            return new_figure(8, min(7.0, 1.2 + 0.26 * self.layout.rows))
        low, high = self.heights(edges)
        title = 0.0 if panels == 1 else 0.25
        width = _WIDE * (self.layout.columns + 0.1) + _PAD
        return new_figure(panels * width, _HIGH * (high - low) + _PAD + title)

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


def _looks(drawn: Sequence[Edge], truth: CausalGraph | None) -> list[tuple[Edge, _Look]]:
    if truth is not None:
        return [(edge, _LOOKS[verdict_on(edge, truth)]) for edge in drawn]
    strongest = max((abs(edge.weight or 1.0) for edge in drawn), default=1.0) or 1.0
    looks = []
    for edge in drawn:
        share = abs(edge.weight or 1.0) / strongest
        signed = edge.directed or edge.weight is not None
        colour = (OPPOSE if (edge.weight or 0) < 0 else SUPPORT) if signed else INK
        looks.append((edge, _Look(colour, 0.6 + 2 * share, 0.35 + 0.6 * share)))
    return looks


def _strongest(graph: CausalGraph, layers: Mapping[str, int], most: int) -> list[Edge]:
    """Return the strongest edges, as many from each layer, so that none is left out."""
    edges = sorted(graph.edges, key=lambda edge: -abs(edge.weight or 1.0))
    if len(edges) <= most:
        return edges
    by_layer: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        by_layer[layers[edge.source]].append(edge)
    return [edge for found in by_layer.values() for edge in found[: most // len(by_layer)]]


def _labelled(graph: CausalGraph, drawn: Sequence[Edge]) -> list[Edge]:
    """Return the edges that have room for numbers: all of few, or those that join concepts."""
    concepts = {node.name for node in graph.of_kind(NodeKind.CONCEPT)}
    among = [edge for edge in drawn if edge.pair <= concepts]
    chosen = drawn if len(drawn) <= _MOST_LABELLED else among
    known = [edge for edge in chosen if _label(edge, graph)]
    return known if len(known) <= _MOST_LABELLED else []


def _label(edge: Edge, graph: CausalGraph) -> str:
    """Return an edge's weight and frequency, as far as they are known."""
    known = []
    if edge.weight is not None:
        # What moves a prediction has no sign: it is a distance.
        is_distance = graph.node(edge.target).kind is NodeKind.PREDICTION
        weight = f"{edge.weight:.2f}" if is_distance else f"{edge.weight:+.2f}"
        known.append(weight.replace("-", "\N{MINUS SIGN}"))
    if edge.frequency is not None:
        known.append(f"{edge.frequency:.0%}")
    return " · ".join(known)


def _caption(
    graph: CausalGraph, drawn: Sequence[Edge], labelled: Collection[Edge], layout: Layout
) -> str:
    every = len(drawn) == len(graph.edges)
    which = "All" if every else f"The {len(drawn)} strongest of"
    said = f"{which} {len(graph.edges)} edges; green supports, orange opposes, width by weight."
    if labelled:
        said += (
            " On an arrow: its weight and, where it is known, in which share of resamples it is "
            "found."
        )
    if layout.columns > MOST_COLUMNS:
        said += " Dots are unnamed for want of room; graph.json has the names."
    return said + legend(graph)


def _alt(graph: CausalGraph, truth: CausalGraph | None) -> str:
    if truth is not None:
        return f"True edges: {_listed(truth)}. Discovered edges: {_listed(graph)}."
    if len(graph.edges) > _MOST_LABELLED:
        return f"Causal graph with {len(graph.nodes)} nodes and {len(graph.edges)} edges."
    said = [SAID[edge.kind].format(edge.source, edge.target) for edge in graph.edges]
    return f"Causal graph: {'; '.join(said) or 'no edges'}."


def _listed(graph: CausalGraph) -> str:
    return "; ".join(map(str, graph.edges)) or "none"
