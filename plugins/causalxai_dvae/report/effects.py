"""A figure of the effects of each bit on each target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from causalxai.graph import CausalGraph
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.plots import OPPOSE, SUPPORT, axes_grid, embed, new_figure
from causalxai.report.section import Section, Text
from causalxai_dvae.discoverer import BitDiscoverer

_COLOURS = LinearSegmentedColormap.from_list("effects", [OPPOSE, "#ffffff", SUPPORT])


def graph_report(
    discoverer: BitDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,  # noqa: ARG001
) -> GraphReport:
    """Show the effects of the bits, target by target."""
    bits = [node for node in graph.nodes if graph.tiers[node] == 0]
    return GraphReport((effects_section(graph, bits),))


def effects_section(graph: CausalGraph, bits: Sequence[str]) -> Section:
    """Show the weights of the edges from bits into classes and attributes.

    Parameters
    ----------
    graph
        Of ``BitDiscoverer``.
    bits
        The names of the bits, in order.
    """
    targets = [node for node in graph.nodes if node not in bits]
    weights = np.full((len(targets), len(bits)), np.nan)
    for edge in graph.edges:
        weights[targets.index(edge.target), bits.index(edge.source)] = edge.weight
    strongest = np.nanmax(np.abs(np.nan_to_num(weights)), axis=1, keepdims=True)
    figure = new_figure(8, 1.2 + 0.26 * len(targets))
    axes = axes_grid(figure, 1, 1)[0][0]
    shares = weights / np.where(strongest > 0, strongest, 1)
    axes.imshow(np.nan_to_num(shares), cmap=_COLOURS, vmin=-1, vmax=1, aspect="auto")
    numbers = [bit.removeprefix("bit ") for bit in bits]
    axes.set_xticks(range(len(bits)), numbers)
    axes.set_yticks(range(len(targets)), targets)
    axes.set_xlabel("bit")
    caption = (
        "The difference between do(bit = 1) and do(bit = 0), each row relative to its strongest "
        f"effect; at the top: {', '.join(targets[:2])}. White: no edge."
    )
    return Section(
        "Effects of the bits",
        [
            Text(
                "Bits are set and not observed, so that their effects are interventional. For a "
                "class: its logit (with two classes, the second minus the first). For an "
                "attribute: a probe's reading of the generated picture."
            ),
            embed(figure, caption, f"Effects of {len(bits)} bits on {', '.join(targets)}."),
        ],
    )
