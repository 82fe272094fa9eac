"""A small drawing of a graph of concepts: causes left of their effects, arrows with figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalxai.graph import CausalGraph, Edge
from causalxai.metrics.graph_scores import undirected_pairs
from causalxai.report.plots import INK, OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

_FAINT = 0.35
_BEND = -0.28

_Point = tuple[float, float]


def draw_concepts(graph: CausalGraph) -> Figure:
    """Draw the joined nodes from left to right, each as far as its longest path from a root.

    Arrows that pass over a column are bent around it. On an arrow stands its weight and, where it
    is known, in which share of resamples it is found. Neighbours whose direction is left open are
    joined by a dashed line.
    """
    opened = undirected_pairs(graph)
    depth = _depths(graph, {node for pair in opened for node in pair})
    place = _places(depth)
    columns = 1 + max(depth.values())
    tallest = max(list(depth.values()).count(column) for column in range(columns))
    figure = new_figure(1.9 * columns + 0.4, 0.3 + 0.7 * tallest)
    axes = axes_grid(figure, 1, 1)[0][0]
    axes.axis("off")
    axes.set_xlim(-0.45, columns - 0.55)
    axes.set_ylim(-0.3, tallest - 0.4)
    boxes = {node: _draw_node(axes, node, at) for node, at in place.items()}
    strongest = max((abs(edge.weight or 1.0) for edge in graph.edges), default=1.0) or 1.0
    directed = [edge for edge in graph.edges if {edge.source, edge.target} not in opened]
    for edge in directed:
        ends = place[edge.source], place[edge.target]
        share = abs(edge.weight or 1.0) / strongest
        _draw_arrow(axes, edge, ends, (boxes[edge.source], boxes[edge.target]), share)
    for pair in sorted(map(sorted, opened)):
        one, other = pair
        axes.annotate(
            "", xy=place[one], xytext=place[other],
            arrowprops={
                "arrowstyle": "-", "linestyle": "--", "color": INK, "alpha": 0.6,
                "patchA": boxes[other], "patchB": boxes[one],
            },
        )  # fmt: skip
    told = [f"{edge.source} causes {edge.target}" for edge in directed]
    told += [f"{one} and {other} are neighbours" for one, other in sorted(map(sorted, opened))]
    return embed(figure, "", f"Causal graph: {'; '.join(told)}.")


def _draw_node(axes: Axes, node: str, at: _Point) -> FancyBboxPatch | None:
    return axes.text(
        *at, node, ha="center", va="center", fontsize=10, color=INK, parse_math=False,
        bbox={"boxstyle": "round,pad=0.4", "fc": "white", "ec": "#9aa5b1", "lw": 0.8},
    ).get_bbox_patch()  # fmt: skip


def _draw_arrow(
    axes: Axes,
    edge: Edge,
    ends: tuple[_Point, _Point],
    boxes: tuple[FancyBboxPatch | None, FancyBboxPatch | None],
    share: float,
) -> None:
    (x, y), (to_x, to_y) = ends
    far = to_x - x > 1
    axes.annotate(
        "", xy=ends[1], xytext=ends[0],
        arrowprops={
            "arrowstyle": "-|>,head_width=0.28,head_length=0.5",
            "connectionstyle": f"arc3,rad={_BEND if far else 0}",
            "color": OPPOSE if (edge.weight or 0) < 0 else SUPPORT,
            "linewidth": 0.8 + 1.8 * share,
            "alpha": _FAINT + (1 - _FAINT) * share,
            "patchA": boxes[0], "patchB": boxes[1],
            "shrinkA": 1, "shrinkB": 2,
        },
    )  # fmt: skip
    lift = (abs(_BEND) / 2 * (to_x - x) if far else 0) + 0.06
    axes.text(
        (x + to_x) / 2, (y + to_y) / 2 + lift, _told(edge),
        ha="center", va="bottom", fontsize=8, color=INK,
    )  # fmt: skip


def _depths(graph: CausalGraph, opened: set[str]) -> dict[str, int]:
    """Return the length of the longest path into each node that is joined to another."""
    depth: dict[str, int] = {}
    for node in graph.order():
        parents = graph.parents(node)
        if parents or graph.children(node) or node in opened:
            depth[node] = 1 + max((depth[parent] for parent in parents), default=-1)
    return depth


def _places(depth: dict[str, int]) -> dict[str, tuple[float, float]]:
    columns = range(1 + max(depth.values()))
    members = [[node for node, at in depth.items() if at == column] for column in columns]
    tallest = max(map(len, members))
    return {
        node: (float(column), (tallest - len(own)) / 2 + len(own) - 1 - row)
        for column, own in enumerate(members)
        for row, node in enumerate(own)
    }


def _told(edge: Edge) -> str:
    weight = "" if edge.weight is None else f"{edge.weight:+.2f}".replace("-", "\N{MINUS SIGN}")
    return weight if edge.frequency is None else f"{weight} · {edge.frequency:.0%}".strip(" ·")
