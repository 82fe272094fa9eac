"""The operations of a network, and how its layers are connected by them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import Conv2d, Linear

from causalxai.classifier import Classifier
from causalxai.network.exported import ExportedNetwork, exported, gives_the_logits
from causalxai_interventional.attention_heads import AttentionHeads, attention_heads
from causalxai_interventional.blocks import Block, followed, name_of
from causalxai_interventional.calls import calls_of, mark_weights
from causalxai_interventional.plan import Plan, plan_of
from causalxai_interventional.selection import move_selections
from causalxai_interventional.simplification import simplify


class Dataflow:
    """The operations of a network.

    Parameters
    ----------
    classifier
        The classifier, whose model is exported as a graph of ATen operations.
    images
        ``[n, c, h, w]`` that differ from one another, on the classifier's device, on which the
        graph is compared with the model.

    Raises
    ------
    UntraceableError
        If the network's control flow depends on its data, or the graph gives other logits.
    """

    def __init__(self, classifier: Classifier, images: Tensor) -> None:
        self.classifier = classifier
        self.network = exported(classifier.model, images, _prepared)
        self._calls: dict[str, tuple[fx.Node, ...]] = {}
        self._plans: dict[tuple[str, bool], Plan] = {}
        self._heads: dict[str, AttentionHeads] | None = None
        self._reached: dict[tuple[fx.Node, bool], dict[fx.Node, Block]] = {}

    @torch.no_grad()
    def gives_the_logits(self, images: Tensor) -> bool:
        """Return whether the operations give the network's logits of some images."""
        return gives_the_logits(self.network, self.classifier.model, [images])

    def follows(self, classifier: Classifier, images: Tensor) -> bool:
        """Return whether these are the operations of a classifier's network as it is now.

        Parameters
        ----------
        classifier
            The classifier.
        images
            ``[n, c, h, w]``, on which the operations are compared with the network.
        """
        return self.classifier.model is classifier.model and self.gives_the_logits(images)

    @torch.no_grad()
    def capture(self, inputs: Tensor, keep: Collection[fx.Node]) -> dict[fx.Node, Any]:
        """Run the network as far as necessary and return the values of some operations."""
        return self.network.run(inputs, keep)

    def calls(self, layer: str) -> tuple[fx.Node, ...]:
        """Return the operations that use a layer's weight; empty if there are none to edit."""
        if layer not in self._calls:
            self._calls[layer] = calls_of(self.network, self.classifier.model, layer)
        return self._calls[layer]

    def node(self, layer: str) -> fx.Node | None:
        """Return the operation of a layer, or ``None`` if it is not called exactly once."""
        calls = self.calls(layer)
        return calls[0] if len(calls) == 1 else None

    @property
    def heads(self) -> Mapping[str, AttentionHeads]:
        """The heads of attention, by the name of the layer that reads them, in order."""
        if self._heads is None:
            self._heads = attention_heads(self.network, self.classifier.model)
        return self._heads

    def plan(self, layer: str, *, heads: bool = False) -> Plan:
        """Return what is computed for edits of a layer, or of the heads that it reads."""
        if (layer, heads) not in self._plans:
            if heads:
                read = self.heads[layer]
                plan = plan_of(self.network, read.outputs, read.axis)
            else:
                plan = plan_of(self.network, self.calls(layer))
            self._plans[layer, heads] = plan
        return self._plans[layer, heads]

    def feeders(self, layer: str) -> tuple[str, ...]:
        """Return the layers whose output channels are the input channels of ``layer``."""
        reader = self.node(layer)
        if reader is None:
            return ()
        source = reader.args[0]
        assert isinstance(source, fx.Node)
        read = 1 if name_of(reader) == "conv2d" else source.meta["val"].dim() - 1
        return tuple(
            name
            for name, nodes in self._editable.items()
            if any(
                node is not reader
                and (block := self._reach(node).get(source))
                and block.axis == read
                for node in nodes
            )
        )

    def leads_past(self, layer: str, readers: Collection[str]) -> bool:
        """Return whether a layer's output may reach the logits by other ways than some layers.

        ``False`` is certain; ``True`` also where the operations of a layer are not known.
        """
        ends = {name: self.calls(name) for name in readers}
        if not self.calls(layer) or not all(ends.values()):
            return True
        held = {node for calls in ends.values() for node in calls}
        behind = set(self.calls(layer))
        for node in self.network.nodes:
            # What depends on a tensor's size alone does not depend on its values.
            if node not in held and name_of(node) != "sym_size":
                behind.update({node} if behind.intersection(node.all_input_nodes) else ())
        return self.network.logits in behind

    def mediator(self, layer: str) -> fx.Node | None:
        """Return the last operation behind a layer that preserves its channels *and* its pixels."""
        node = self.node(layer)
        if node is None:
            return None
        shape = self.network.shape(node, 1)
        alone = self._reach(node, alone=True)
        return [n for n in alone if self.network.shape(n, 1) == shape][-1]

    @cached_property
    def _editable(self) -> dict[str, tuple[fx.Node, ...]]:
        """The calls of each layer, by the layers' names in alphabetic order."""
        return {name: self.calls(name) for name in sorted(self.classifier.layers(Conv2d, Linear))}

    def _reach(self, node: fx.Node, *, alone: bool = False) -> dict[fx.Node, Block]:
        """Return all operations that keep a layer's channels apart, with their places, in order.

        Parameters
        ----------
        node
            The layer's operation.
        alone
            Whether only those count whose inputs are of this layer alone, as far as they are behind
            it.
        """
        if (node, alone) in self._reached:
            return self._reached[node, alone]
        axis = 1 if name_of(node) == "conv2d" else node.meta["val"].dim() - 1
        reached, behind = {node: Block(axis)}, {node}
        for step in self.network.nodes:
            inner = [n for n in step.all_input_nodes if n in behind]
            if not inner:
                continue
            behind.add(step)
            if name_of(step) in ("conv2d", "linear") and step.args[0] in inner:
                continue
            known = [n for n in inner if n in reached]
            found = [followed(self.network, step, n, reached[n]) for n in known]
            if known and found[0] is not None and (not alone or len(known) == len(inner)):
                reached[step] = found[0]
        self._reached[node, alone] = reached
        return reached


def _prepared(network: ExportedNetwork) -> None:
    mark_weights(network)
    simplify(network)
    move_selections(network)
    network.refresh()
