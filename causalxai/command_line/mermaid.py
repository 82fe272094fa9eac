"""Causal graphs as Mermaid text, which GitHub and many editors draw."""

from __future__ import annotations

from causalxai.graph import CausalGraph
from causalxai.graph_elements import EdgeKind

_LINES = {
    EdgeKind.DIRECTED: "-->",
    EdgeKind.UNDIRECTED: "---",
    EdgeKind.BIDIRECTED: "<-->",
    # Mermaid has no line that begins with a circle and ends with an arrow; the label says it.
    EdgeKind.PARTIALLY_DIRECTED: "-->",
    EdgeKind.UNORIENTED: "o--o",
}


def mermaid(graph: CausalGraph) -> str:
    """Return a flowchart of a graph.

    Parameters
    ----------
    graph
        Edges are labelled with their weights. An edge that may come from an unobserved common
        cause, ``a o→ b``, is drawn as an arrow with the label ``o→``.

    Returns
    -------
    str
        Lines of text, the last with its end.
    """
    number = {name: f"n{index}" for index, name in enumerate(graph.nodes)}
    labels = {name: _escaped(graph.node(name).label or name) for name in graph.nodes}
    lines = ["flowchart LR", *(f'  {number[name]}["{label}"]' for name, label in labels.items())]
    for edge in graph.edges:
        mark = edge.kind.mark if edge.kind is EdgeKind.PARTIALLY_DIRECTED else ""
        weight = "" if edge.weight is None else f"{edge.weight:.3g}"
        label = " ".join(filter(None, (mark, weight)))
        told = f'|"{label}"|' if label else ""
        lines.append(f"  {number[edge.source]} {_LINES[edge.kind]}{told} {number[edge.target]}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Return a label in which no character means anything to Mermaid."""
    special = '#"<>[]{}|`;\\'
    return "".join(f"#{ord(c)};" if c in special or c < " " else c for c in text)
