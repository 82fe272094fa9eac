"""Traced networks whose views work for any number of images."""

from __future__ import annotations

import operator
from typing import Any

from torch import fx

_VIEWS = {"view", "reshape"}


def read_batch_sizes_in_place(graph: fx.GraphModule) -> None:
    """Let each view read the number of images from what it views, in place.

    A network may read it once, as ``rows = images.size(0)``, and use it in ``x.view(rows, -1)``
    much later. A part of such a network could not be run alone, with more images than the network
    was given.
    """
    for node in list(graph.graph.nodes):
        if node.op != "call_method" or node.target not in _VIEWS or len(node.args) < 2:
            continue
        if _is_batch_size(node.args[1]):
            with graph.graph.inserting_before(node):
                node.update_arg(1, graph.graph.call_method("size", (node.args[0], 0)))
    graph.recompile()


def _is_batch_size(node: Any) -> bool:
    """Return whether a node is ``x.size(0)``, ``x.size()[0]`` or ``x.shape[0]`` of activations."""
    if not isinstance(node, fx.Node):
        return False
    if node.target == "size" and node.op == "call_method":
        return node.args[1:] == (0,) and _is_computed(node.args[0])
    if node.target is not operator.getitem or node.args[1] != 0:
        return False
    whole = node.args[0]
    return (
        isinstance(whole, fx.Node)
        and (whole.args[1:] == ("shape",) if whole.target is getattr else whole.target == "size")
        and _is_computed(whole.args[0])
    )


def _is_computed(node: Any) -> bool:
    """Return whether a node is no weight."""
    return isinstance(node, fx.Node) and node.op != "get_attr"
