"""The values of all operations of a traced network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx


class NodeValues(fx.Interpreter):
    """Runs the network once and records the value of every node."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run a node and record a copy of its value, which may be overwritten afterwards."""
        value = super().run_node(n)
        self.values[n] = value.clone() if isinstance(value, Tensor) else value
        return value
