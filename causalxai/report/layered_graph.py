"""A drawing of a causal graph in tiers, without Graphviz."""

from __future__ import annotations

from collections import defaultdict

from causalxai.graph import CausalGraph, Edge
from causalxai.report.graph_layout import LINES, depths, legend
from causalxai.report.plots import INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure

MOST_EDGES = 60
"""A drawing with more edges than this tells nothing."""

MOST_COLUMNS = 8
"""With more columns than this there is no room for names; only the last effects keep theirs."""


def draw_graph(graph: CausalGraph, most: int = MOST_EDGES) -> Figure:
    """Draw causes left of their effects; of large graphs the strongest edges of each tier."""
    tiers = graph.tiers if len(graph.tiers) == len(graph.nodes) else depths(graph)
    drawn = _strongest(graph, tiers, most)
    joined = {end for edge in drawn for end in (edge.source, edge.target)}
    nodes = [node for node in graph.nodes if node in joined or len(graph.nodes) <= most]
    columns: dict[int, list[str]] = defaultdict(list)
    for node in nodes:
        columns[tiers[node]].append(node)
    place: dict[str, tuple[float, float]] = {}
    for position, tier in enumerate(sorted(columns)):
        column = columns[tier]
        place |= {node: (position, -(i + 0.5) / len(column)) for i, node in enumerate(column)}
    tallest = max((len(column) for column in columns.values()), default=1)
    figure = new_figure(8, min(7.0, 1.2 + 0.26 * tallest))
    axes = axes_grid(figure, 1, 1)[0][0]
    axes.axis("off")
    strongest = max((abs(edge.weight or 1.0) for edge in drawn), default=1.0) or 1.0
    for edge in drawn:
        share = abs(edge.weight or 1.0) / strongest
        axes.annotate(
            "",
            xy=place[edge.target],
            xytext=place[edge.source],
            arrowprops={
                "arrowstyle": LINES[edge.kind].arrow,
                "linestyle": LINES[edge.kind].style,
                "color": OPPOSE if (edge.weight or 0) < 0 else SUPPORT,
                "linewidth": 0.5 + 2 * share,
                "alpha": 0.35 + 0.6 * share,
                "shrinkA": 14,
                "shrinkB": 14,
            },
        )
    crowded = len(columns) > MOST_COLUMNS
    for node, (x, y) in place.items():
        if crowded and graph.children(node):
            axes.plot(x, y, "o", markersize=3, color=INK)
            continue
        axes.text(
            x, y, node, ha="center", va="center", fontsize=7, color=INK, parse_math=False,
            bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": "#9aa5b1", "lw": 0.6},
        )  # fmt: skip
    axes.set_xlim(-0.4, max(len(columns) - 0.6, 0.6))
    axes.set_ylim(-1.02, 0.02)
    every = len(drawn) == len(graph.edges)
    which = "All" if every else f"The {len(drawn)} strongest of"
    names = " Dots are unnamed for want of room; graph.json has the names." if crowded else ""
    return embed(
        figure,
        f"{which} {len(graph.edges)} edges; green supports, orange opposes, width by weight."
        + legend(graph)
        + names,
        f"Causal graph with {len(graph.nodes)} nodes and {len(graph.edges)} edges.",
    )


def _strongest(graph: CausalGraph, tiers: dict[str, int], most: int) -> list[Edge]:
    """Return the strongest edges, as many from each tier, so that none is left out."""
    edges = sorted(graph.edges, key=lambda edge: -abs(edge.weight or 1.0))
    if len(edges) <= most:
        return edges
    by_tier: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        by_tier[tiers[edge.source]].append(edge)
    return [edge for found in by_tier.values() for edge in found[: most // len(by_tier)]]
