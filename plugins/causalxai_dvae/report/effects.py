"""A figure of the effects of each bit on each target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.report.builder import GraphReport, ReportInputs
from causalxai.report.graph_view import GraphExtras, NodeMeaning
from causalxai.report.pictures import Thumbnail, thumbnail
from causalxai.report.plots import axes_grid, effect_colours, embed, new_figure
from causalxai.report.section import Section, Text
from causalxai_dvae.discoverer import BitDiscoverer

_HALF, _MOST_PICTURES = 0.5, 4


def graph_report(
    discoverer: BitDiscoverer,  # noqa: ARG001
    graph: CausalGraph,
    inputs: ReportInputs,
) -> GraphReport:
    """Show the effects of the bits, target by target, and what the bits mean."""
    bits = [node for node in graph.nodes if graph.tiers[node] == 0]
    extras = GraphExtras(meanings=bit_meanings(inputs.explanation))
    return GraphReport((effects_section(graph, bits),), extras=extras)


def bit_meanings(explanation: Explanation | None) -> dict[str, NodeMeaning]:
    """Return what each bit means: some images that have it on, and some that have it off."""
    if explanation is None or explanation.units is None:
        return {}
    code = explanation.units.values.cpu() > _HALF
    if code.shape[1] != len(explanation.concepts):
        return {}
    found = {}
    for place, bit in enumerate(explanation.concepts):
        pictures = [
            Thumbnail(thumbnail(explanation.images[row]), f"image {row}, {word}", word)
            for word, has in (("on", code[:, place]), ("off", ~code[:, place]))
            for row in has.nonzero().flatten()[:_MOST_PICTURES].tolist()
        ]
        share = float(code[:, place].double().mean())
        found[bit] = NodeMeaning(f"On in {share:.0%} of the explained images.", pictures)
    return found


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
    axes.imshow(np.nan_to_num(shares), cmap=effect_colours(), vmin=-1, vmax=1, aspect="auto")
    numbers = [bit.removeprefix("bit ") for bit in bits]
    axes.set_xticks(range(len(bits)), numbers)
    axes.set_yticks(range(len(targets)), targets)
    axes.set_xlabel("bit")
    caption = (
        "The difference between do(bit = 1) and do(bit = 0), each row relative to its strongest "
        "effect: green where setting the bit raises the target, orange where it lowers it, white "
        f"where there is no edge. At the top: {', '.join(targets[:2])}."
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
