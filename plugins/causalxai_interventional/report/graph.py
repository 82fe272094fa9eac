"""The paper's figure 4: how often each edge is causal, drawn for the user's own classifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from causalxai.graph import CausalGraph, Edge, NodeKind
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.graph_view import GraphExtras
from causalxai.report.plots import axes_grid, embed, new_figure
from causalxai.report.section import Section, Table, Text
from causalxai_interventional.discoverer import InterventionalDiscoverer
from causalxai_interventional.report.channels import channel_meanings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMMON = 0.8
"""The paper calls an edge global that is causal in over 80 % of the images."""


def graph_report(
    discoverer: InterventionalDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,
) -> GraphReport:
    """Show how often edges are causal, the strongest paths to a class, and what channels mean."""

    def strength(edge: Edge, target: str) -> float:
        klass = graph.node(target).title
        weight = 1.0 if edge.weight is None else abs(edge.weight)
        return weight * cast("Mapping[str, float]", edge.annotations["supports"]).get(klass, 0.0)

    extras = GraphExtras(channel_meanings(graph, inputs), strength=strength)
    return GraphReport((frequency_section(graph),), extras=extras)


def frequency_section(graph: CausalGraph) -> Section:
    """Show how often each edge is causal, by layer and class (figure 4)."""
    classes = list(cast("dict[str, int]", graph.annotations["positives"]))
    layers: dict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        source, target = graph.node(edge.source), graph.node(edge.target)
        if target.kind is NodeKind.CLASS:
            layers[f"{source.annotations['layer']} → class"].append(edge)
        else:
            layers[str(target.annotations["layer"])].append(edge)
    if not layers:
        return Section("Causal edges across images", [Text("No edge is frequent enough.")])
    figure = new_figure(8, 0.9 + len(layers) * (0.5 + 0.22 * len(classes)))
    for row, (name, edges) in zip(axes_grid(figure, len(layers), 1), layers.items(), strict=True):
        _blobs(row[0], name, edges, classes)
    blobs = embed(
        figure,
        "Each blob is an edge; its size and shade show the share of a class's positives in which "
        "it supports the class (G+). Edges are in the order of their destinations, then sources.",
        "Blob plots of how frequently edges are causal, one row for each class in each layer.",
        raster=True,
    )
    said = graph.annotations["doubt"]
    doubt = [Text(f"Note: {said}.")] if said else []
    return Section(
        "Causal edges across images",
        [*doubt, blobs, _sharing_table(layers, classes)],
        finding=_finding(graph.edges, classes),
        doubt=f"{str(said)[:1].upper()}{str(said)[1:]}." if said else "",
    )


def _finding(edges: Sequence[Edge], classes: Sequence[str]) -> str:
    """Say how many edges are frequent, and whether they are the same for all classes."""
    common = [[_support(edge, klass) > COMMON for klass in classes] for edge in edges]
    some, every = sum(map(any, common)), sum(map(all, common))
    return (
        f"Of {len(edges)} edges in the network, {some} support a class in over {COMMON:.0%} of its "
        f"images, and {every} of these support every class that was looked at."
    )


def _place(edge: Edge) -> tuple[int, int]:
    """Return the indices of an edge's destination and source in its layer."""
    return cast("int", edge.annotations["k"]), cast("int", edge.annotations["n"])


def _support(edge: Edge, klass: str) -> float:
    return cast("dict[str, float]", edge.annotations["supports"])[klass]


def _blobs(axes: Axes, name: str, edges: Sequence[Edge], classes: Sequence[str]) -> None:
    width = 1 + max(n for _, n in map(_place, edges))
    for y, klass in enumerate(classes):
        share = np.array([_support(edge, klass) for edge in edges])
        x = [k * width + n for k, n in map(_place, edges)]
        size = np.where(share > 0, 2 + 40 * share**2, 0)
        axes.scatter(
            x, np.full(len(x), y), s=size, c=share, cmap="viridis_r", vmin=0, vmax=1,
            alpha=0.75, linewidths=0,
        )  # fmt: skip
    axes.set_yticks(range(len(classes)), classes)
    axes.set_ylim(-0.7, len(classes) - 0.3)
    axes.set_title(name, fontsize=9, loc="left")
    axes.margins(x=0.01)


def _sharing_table(layers: Mapping[str, Sequence[Edge]], classes: Sequence[str]) -> Table:
    rows = []
    for name, edges in layers.items():
        common = {
            klass: {_place(edge) for edge in edges if _support(edge, klass) > COMMON}
            for klass in classes
        }
        counts = ", ".join(f"{klass}: {len(found)}" for klass, found in common.items())
        everybody = set.intersection(*common.values())
        anybody = set.union(*common.values())
        shared = f"{len(everybody)} of {len(anybody)}"
        rows.append((name, str(len(edges)), counts, shared))
    return Table(
        ("layer", "edges in the graph", "causal in over 80 % of the images", "in all classes"),
        tuple(rows),
        "According to the paper, the causal filters of conv1 are identical across classes; the "
        "last column shows how many of the frequent edges are shared by all classes.",
    )
