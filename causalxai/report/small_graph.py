"""A small drawing of a graph of concepts: causes left of their effects, arrows with figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalxai.graph import CausalGraph, Edge
from causalxai.report.graph_layout import LINES, SAID, depths
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
    is known, in which share of resamples it is found. Other edges are dashed or dotted lines, with
    a head where they have an arrow head (``graph_layout.LINES``).
    """
    joined = {node for edge in graph.edges for node in edge.pair}
    depth = {node: at for node, at in depths(graph).items() if node in joined}
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
    for edge in graph.edges:
        ends = place[edge.source], place[edge.target]
        both = boxes[edge.source], boxes[edge.target]
        if edge.directed:
            _draw_arrow(axes, edge, ends, both, abs(edge.weight or 1.0) / strongest)
            continue
        axes.annotate(
            "", xy=ends[1], xytext=ends[0],
            arrowprops={
                "arrowstyle": LINES[edge.kind].arrow, "linestyle": LINES[edge.kind].style,
                "connectionstyle": f"arc3,rad={_bend(ends)}", "color": INK, "alpha": 0.6,
                "patchA": both[0], "patchB": both[1],
            },
        )  # fmt: skip
    said = [SAID[edge.kind].format(edge.source, edge.target) for edge in graph.edges]
    return embed(figure, "", f"Causal graph: {'; '.join(said)}.")


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
    bend = _bend(ends)
    axes.annotate(
        "", xy=ends[1], xytext=ends[0],
        arrowprops={
            "arrowstyle": "-|>,head_width=0.28,head_length=0.5",
            "connectionstyle": f"arc3,rad={bend}",
            "color": OPPOSE if (edge.weight or 0) < 0 else SUPPORT,
            "linewidth": 0.8 + 1.8 * share,
            "alpha": _FAINT + (1 - _FAINT) * share,
            "patchA": boxes[0], "patchB": boxes[1],
            "shrinkA": 1, "shrinkB": 2,
        },
    )  # fmt: skip
    lift = abs(bend) / 2 * (to_x - x) + 0.06
    axes.text(
        (x + to_x) / 2, (y + to_y) / 2 + lift, _told(edge),
        ha="center", va="bottom", fontsize=8, color=INK,
    )  # fmt: skip


def _bend(ends: tuple[_Point, _Point]) -> float:
    """Return how far a line is bent: around the column that it would pass over."""
    return _BEND if abs(ends[1][0] - ends[0][0]) > 1 else 0


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
