"""The paper's figures 2, 3, 4 and 6, drawn for the user's own classifier and images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph, Edge
from causalxai.report.images import some_of_each_class
from causalxai.report.plots import CATEGORIES, INK, OPPOSE, SUPPORT, canvas, embed, grid, image_axes
from causalxai.report.section import Figure, Section, Table, Text

COMMON = 0.8
"""The paper calls an edge global that is causal in over 80 % of the images."""


def frequency_section(graph: CausalGraph) -> Section:
    """Show how often each edge is causal, by layer and class (figure 4)."""
    classes = [str(key)[10:-1] for key in graph.meta if str(key).startswith("positives[")]
    layers: dict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        layers[_layer_of(edge)].append(edge)
    if not layers:
        return Section("Causal edges across images", [Text("No edge is frequent enough.")])
    figure = canvas(8, 0.9 + len(layers) * (0.5 + 0.22 * len(classes)))
    for row, (name, edges) in zip(grid(figure, len(layers), 1), layers.items(), strict=True):
        _blobs(row[0], name, edges, classes)
    blobs = embed(
        figure,
        "Each blob is an edge; its size and shade tell in which share of a class's positives it "
        "supports the class (G+). Edges are in the order of their destinations, then sources.",
        "Blob plots of how frequently edges are causal, one row for each class in each layer.",
        raster=True,
    )
    doubt = [Text(f"Mind: {graph.meta['doubt']}.")] if "doubt" in graph.meta else []
    return Section("Causal edges across images", [*doubt, blobs, _sharing_table(layers, classes)])


def _layer_of(edge: Edge) -> str:
    if not edge.target.startswith("class "):
        return edge.target.rpartition(":")[0]
    return f"{edge.source.rpartition(':')[0]} → class"


def _blobs(axes: Axes, name: str, edges: Sequence[Edge], classes: Sequence[str]) -> None:
    width = 1 + max(int(edge.extra["n"]) for edge in edges)
    for y, klass in enumerate(classes):
        share = np.array([edge.extra[f"supports[{klass}]"] for edge in edges])
        x = [edge.extra["k"] * width + edge.extra["n"] for edge in edges]
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
            klass: {
                (edge.extra["k"], edge.extra["n"])
                for edge in edges
                if edge.extra[f"supports[{klass}]"] > COMMON
            }
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
        "The paper says that conv1's causal filters are identical across classes; here the last "
        "column tells how many of the frequent edges all classes share.",
    )


def effect_section(explanation: Explanation, class_names: Sequence[str]) -> Section:
    """Show CS by layer for images of two classes, and how removals move the logit (2 and 3)."""
    chosen = some_of_each_class(explanation.target, most=2)
    layers = _spread_out(cast("list[str]", explanation.meta["layers"]))
    figure = canvas(8, 1.7 * len(chosen) + 0.4)
    spread = canvas(8, 1.7 * len(chosen) + 0.4)
    rows = zip(
        chosen, grid(figure, len(chosen), len(layers)), grid(spread, len(chosen), len(layers)),
        strict=True,
    )  # fmt: skip
    for image, effect_axes, spread_axes in rows:
        klass = class_names[int(explanation.target[image])]
        for (number, layer), above, below in zip(layers, effect_axes, spread_axes, strict=True):
            here = explanation.details["layer"] == number
            _draw_effects(above, explanation, image, here)
            _draw_spread(below, explanation, image, here)
            for axes in (above, below):
                axes.set_title(f"{layer}\nclass {klass}", fontsize=8)
    effect_axes[0].set_ylabel("CS (nats)")
    spread_axes[0].set_ylabel("edges")
    return Section(
        "Effects of single edges",
        [
            *_screening_note(explanation),
            embed(
                figure,
                "Causal effect CS of each removal, KL(p_do || p): green supports the class (G+), "
                "orange opposes it (G-), grey is neither. One image of each class.",
                "Scatter plots of the causal effect of each tested edge, layer by layer.",
                raster=True,
            ),
            embed(
                spread,
                "The logit after each removal; the line is the logit with all edges intact. "
                "Counts on a logarithmic axis.",
                "Histograms of the class's logit after single removals, layer by layer.",
            ),
        ],
    )


def _screening_note(explanation: Explanation) -> list[Text]:
    """Say so where a first-order estimate chose the edges that were tested."""
    screening = cast("dict[str, float]", explanation.meta.get("screening", {}))
    if not screening:
        return []
    agreement = ", ".join(f"{layer} {value:.2f}" for layer, value in screening.items())
    return [
        Text(
            "Screened: a first-order estimate chose the edges of each layer that were then tested "
            "exactly; the others were not tested. Rank correlation of the estimate with the exact "
            f"effect among the tested: {agreement}."
        )
    ]


def _spread_out(layers: Sequence[str], most: int = 5) -> list[tuple[int, str]]:
    """Return the layers with their positions; of many, the first, the last and some between."""
    positions = np.linspace(0, len(layers) - 1, min(most, len(layers))).round().astype(int)
    return [(int(i), layers[i]) for i in positions]


def _draw_effects(axes: Axes, explanation: Explanation, image: int, here: Tensor) -> None:
    tested = explanation.details["tested"][image, here].bool()
    cs = explanation.details["information"][image, here][tested]
    position = explanation.details["index"][here][tested]
    supports = explanation.details["supports"][image, here][tested].bool()
    opposes = explanation.details["opposes"][image, here][tested].bool()
    groups = ((~supports & ~opposes, "#b8c0c8"), (supports, SUPPORT), (opposes, OPPOSE))
    for chosen, colour in groups:
        axes.scatter(position[chosen], cs[chosen], s=4, color=colour, linewidths=0)


def _draw_spread(axes: Axes, explanation: Explanation, image: int, here: Tensor) -> None:
    assert explanation.importance is not None
    tested = explanation.details["tested"][image, here].bool()
    logit = float(explanation.details["logit"][image])
    after = logit - explanation.importance[image, here][tested]
    if len(after):
        axes.hist(after.numpy(), bins=30, color=CATEGORIES[4], log=True)
    axes.axvline(logit, color=INK, linewidth=1)


def map_section(explanation: Explanation, class_names: Sequence[str]) -> Section:
    """Show the mediators' maps beside captum's (figures 6 and 7)."""
    chosen = some_of_each_class(explanation.target, most=6)
    names = list(explanation.maps)
    figure = canvas(1.05 * (len(names) + 1), 1.15 * len(chosen) + 0.3)
    for row, (image, axes) in enumerate(
        zip(chosen, grid(figure, len(chosen), len(names) + 1), strict=True)
    ):
        picture = explanation.inputs[image].movedim(0, -1).numpy()
        image_axes(axes[0], "" if row else "image").imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes[0].set_ylabel(f"class {class_names[int(explanation.target[image])]}", fontsize=8)
        for one, name in zip(axes[1:], names, strict=True):
            heat = explanation.maps[name][image].numpy()
            limit = float(np.abs(heat).max()) or 1.0
            title = "" if row else _short(name)
            image_axes(one, title).imshow(heat, cmap="RdBu_r", vmin=-limit, vmax=limit)
    pictures = embed(
        figure,
        "Red supports the class, blue opposes it; each map has its own scale. The plain mediator "
        "map (the paper's) and saliency have no sign. Deletion and insertion score each of them.",
        "Attribution maps of several methods for the same images.",
        raster=True,
    )
    return Section("Where the mediators respond", [pictures, *_class_dependence(explanation)])


def _short(name: str) -> str:
    """Break a map's name into two lines."""
    layer, found, kind = name.partition("mediators, ")
    return f"{layer or 'all layers'}\n{kind}" if found else name.replace(" ", "\n")


def _class_dependence(explanation: Explanation) -> list[Table | Figure]:
    """Tell how alike the maps of different classes are: a map alike for all explains no class."""
    classes = explanation.target.unique()
    if len(classes) < 2:
        return []
    rows = []
    for name, maps in explanation.maps.items():
        means = torch.stack([maps[explanation.target == k].mean(dim=0).flatten() for k in classes])
        alike = torch.corrcoef(means)
        upper = alike[*torch.triu_indices(len(classes), len(classes), 1)]
        rows.append((name, f"{float(upper.mean()):.2f}"))
    caption = "Correlation between the mean maps of different classes (1: alike for every class)."
    return [Table(("map", "correlation between classes"), tuple(rows), caption)]
