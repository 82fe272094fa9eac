"""The traced data flow of a network: how far a change of one channel stays in that channel.

From a layer's output up to the next layers that mix channels (its *heads*), every operation acts on
each channel separately. Many edits of different channels can therefore share one pass through this
*segment*. Only the changed channel goes through the heads, as a low-rank update of their unedited
output. The *tail* behind the heads is computed for each edit, and everything before the layer only
once.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from causalxai.classifier import Classifier
from causalxai.network.tracing import UntraceableError, traced
from causalxai_interventional.batch_sizes import read_batch_sizes_in_place
from causalxai_interventional.edits import EditableLayer
from causalxai_interventional.node_values import NodeValues

_ELEMENTWISE_MODULES = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid,
    nn.Identity, nn.Dropout, nn.Dropout2d, nn.AlphaDropout,
)  # fmt: skip
_SPATIAL_MODULES = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.PReLU, nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d,
    nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout1d, nn.Flatten,
)  # fmt: skip
_ELEMENTWISE_FUNCTIONS = {
    F.relu, F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.sigmoid,
    F.tanh, F.softplus, F.hardtanh, F.hardswish, F.hardsigmoid, F.dropout, F.dropout2d,
    torch.relu, torch.sigmoid, torch.tanh, torch.add, torch.mul, torch.clamp,
    operator.add, operator.iadd, operator.mul, operator.imul, operator.sub,
}  # fmt: skip
_SPATIAL_FUNCTIONS = {
    F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d, F.batch_norm,
    torch.flatten, torch.mean, torch.amax,
}  # fmt: skip
_ELEMENTWISE_METHODS = {"relu", "relu_", "sigmoid", "tanh", "add", "add_", "mul", "mul_", "clamp"}
_SPATIAL_METHODS = {"flatten", "view", "reshape", "mean", "amax"}
_REDUCTIONS = {"mean", "amax", torch.mean, torch.amax}
_SHAPE_FUNCTIONS = {getattr, operator.getitem}


@dataclass(frozen=True)
class Head:
    """A layer that mixes channels and reads the end of the segment.

    Parameters
    ----------
    node, module
        The node that calls the layer, and the layer itself.
    channels
        The number of channels of the edited layer; a linear head reads a block of values of each.
    size
        Height and width of a convolution's output; empty for a linear layer.
    """

    node: fx.Node
    module: EditableLayer
    channels: int
    size: tuple[int, ...]


@dataclass(frozen=True)
class Path:
    """The path from a change of one layer's output to the logits.

    Parameters
    ----------
    layer
        The edited layer's node.
    end
        The last node where a change of one channel is still confined to that channel.
    segment
        From the layer's output (and ``segment_outer``) to the end.
    heads
        The mixing layers that read the end.
    keeps_end
        Whether the tail reads the end itself, in addition to the heads' outputs.
    tail
        From the end (if it is kept), the heads' outputs and ``tail_outer`` to the logits.
    segment_outer, tail_outer
        Values from outside the path that it reads, such as those of a skip connection.
    floats_per_edit
        The largest number of values that one edit of one image keeps in memory in the tail.
    """

    layer: fx.Node
    end: fx.Node
    segment: fx.GraphModule
    segment_outer: tuple[fx.Node, ...]
    heads: tuple[Head, ...]
    keeps_end: bool
    tail: fx.GraphModule
    tail_outer: tuple[fx.Node, ...]
    floats_per_edit: int

    @property
    def captured(self) -> set[fx.Node]:
        """The nodes whose values must be kept from an unedited pass."""
        (source,) = self.layer.all_input_nodes
        heads = (head.node for head in self.heads)
        return {source, self.layer, self.end, *heads, *self.segment_outer, *self.tail_outer}


class Dataflow:
    """The traced network.

    Parameters
    ----------
    classifier
        The classifier, a copy of whose model is traced with ``torch.fx``.
    images
        ``[n, c, h, w]`` that differ from one another, on the classifier's device, on which the
        traced copy is compared with the model.

    Raises
    ------
    UntraceableError
        If the network's control flow depends on its data, or the traced copy gives other logits:
        it lacks hooks of the network as a whole, and whatever else is no operation on tensors.
    """

    def __init__(self, classifier: Classifier, images: Tensor) -> None:
        self.classifier = classifier
        self.graph = traced(classifier.model)
        read_batch_sizes_in_place(self.graph)
        sample = NodeValues(self.graph)
        try:
            with torch.no_grad():
                sample.run(torch.zeros(2, *classifier.image_shape, device=classifier.device))
        except Exception as error:
            # What was traced may not run, and fails in whatever way the user's code does.
            raise UntraceableError(f"its traced copy fails: {error}") from error
        for batch in (images, images[:1], images[1:3]):
            if not self.gives_the_logits(batch):
                raise UntraceableError("its traced copy gives other logits")
        self._values = sample.values
        self._paths: dict[str, Path | None] = {}
        self._captures: dict[frozenset[fx.Node], fx.GraphModule] = {}

    @torch.no_grad()
    def gives_the_logits(self, images: Tensor) -> bool:
        """Return whether the traced copy gives the network's logits of some images."""
        expected, traced = self.classifier.model(images), self.graph(images)
        if not isinstance(traced, Tensor) or traced.shape != expected.shape:
            return False
        allowed = 1e-5 * float(expected.abs().max())
        return torch.allclose(traced, expected, rtol=0, atol=allowed)

    @torch.no_grad()
    def capture(self, inputs: Tensor, keep: Collection[fx.Node]) -> dict[fx.Node, Any]:
        """Run the network as far as necessary and return the values of some nodes.

        The values are copies, made before later operations can overwrite them in place.
        """
        wanted = frozenset(keep)
        if wanted not in self._captures:
            self._captures[wanted] = self._capturing(wanted)
        values = self._captures[wanted](inputs)
        in_order = (node for node in self.graph.graph.nodes if node in wanted)
        return dict(zip(in_order, values, strict=True))

    def _capturing(self, wanted: frozenset[fx.Node]) -> fx.GraphModule:
        """Return a network that ends with the last of some nodes and returns all their values."""
        new, kept = fx.Graph(), list[fx.Node]()
        copies: dict[fx.Node, fx.Node] = {}
        for node in self.graph.graph.nodes:
            if len(kept) == len(wanted):
                break
            copies[node] = new.node_copy(node, copies.__getitem__)
            if node in wanted:
                is_tensor = isinstance(self._values[node], Tensor)
                copy = new.call_method("clone", (copies[node],)) if is_tensor else copies[node]
                kept.append(copy)
        new.output(tuple(kept))
        return fx.GraphModule(self.graph, new)

    def node(self, layer: str) -> fx.Node | None:
        """Return the node that calls a layer, or ``None`` if it is not called exactly once."""
        calls = [n for n in self.graph.graph.nodes if n.op == "call_module" and n.target == layer]
        return calls[0] if len(calls) == 1 else None

    def path(self, layer: str) -> Path | None:
        """Return the path from a layer to the logits, or ``None`` where it cannot be determined."""
        if layer not in self._paths:
            node = self.node(layer)
            self._paths[layer] = None if node is None else self._find_path(node)
        return self._paths[layer]

    def feeders(self, layer: str) -> tuple[str, ...]:
        """Return the layers whose output channels are the input channels of ``layer``."""
        node = self.node(layer)
        if node is None:
            return ()
        found: list[str] = []
        pending = list(node.all_input_nodes)
        seen: set[fx.Node] = set()
        while pending:
            current = pending.pop()
            if current in seen:
                continue
            seen.add(current)
            if self._editable(current) is not None:
                if self._same_channels(current, node):
                    found.append(str(current.target))
            elif self._acts_by_channel(current, spatial=True):
                pending.extend(current.all_input_nodes)
        return tuple(sorted(found))

    def _same_channels(self, writer: fx.Node, reader: fx.Node) -> bool:
        """Return whether the output channels of one layer are the input channels of the other."""
        written = self._values[writer].dim()
        read = self._values[reader.all_input_nodes[0]].dim()
        alike = isinstance(self._editable(writer), type(self._editable(reader)))
        return (alike and written == read) or (written, read) == (4, 2)

    def mediator(self, layer: str) -> fx.Node | None:
        """Return the last node behind a layer that preserves its channels *and* its pixels."""
        node = self.node(layer)
        if node is None:
            return None
        segment = self._segment(node)
        shape = self._values[node].shape
        kept = [n for n in segment if _shape(self._values[n]) == shape]
        return kept[-1]

    def _find_path(self, layer: fx.Node) -> Path | None:
        segment = self._segment(layer)
        outside = [n for n in segment if any(user not in segment for user in n.users)]
        ends = [n for n in outside if isinstance(self._values[n], Tensor)]
        if len(ends) != 1 or len(outside) != 1 or len(layer.all_input_nodes) != 1:
            return None
        end = ends[0]
        edited = self._editable(layer)
        assert edited is not None
        channels = edited.weight.shape[0]
        heads = tuple(
            Head(user, module, channels, tuple(self._values[user].shape[2:]))
            for user in end.users
            if user not in segment and (module := self._head(layer, end, user)) is not None
        )
        head_nodes = [head.node for head in heads]
        keeps_end = len(heads) < sum(user not in segment for user in end.users)
        (output,) = (n for n in self.graph.graph.nodes if n.op == "output")
        segment_graph, segment_outer = self._extract([layer], end)
        tail_inputs = [*([end] if keeps_end else []), *head_nodes]
        tail, tail_outer = self._extract(tail_inputs, output.args[0], forbidden=segment)
        outer = (*segment_outer, *tail_outer)
        # What is read from outside is repeated for each edit, so that it must have a row per image.
        images = [n for n in self.graph.graph.nodes if n.op == "placeholder"]
        by_image = {*images, *_downstream(images)}
        if any(n not in by_image or not isinstance(self._values[n], Tensor) for n in outer):
            return None
        floats = sum(self._values[n].numel() // 2 for n in {*tail_inputs, *tail_outer})
        behind = [n for n in _downstream(tail_inputs) if isinstance(self._values[n], Tensor)]
        floats += 2 * max((self._values[n].numel() // 2 for n in behind), default=0)
        floats += sum(_patch_floats(head) for head in heads)
        return Path(
            layer, end, segment_graph, segment_outer, heads, keeps_end, tail, tail_outer, floats
        )

    def _segment(self, layer: fx.Node) -> dict[fx.Node, None]:
        """Return the layer and all nodes behind it that act on channels separately, in order."""
        behind = _downstream([layer])
        spatial = isinstance(self._editable(layer), nn.Conv2d) or self._values[layer].dim() == 2
        segment = {layer: None}
        for node in self.graph.graph.nodes:
            inner = [n for n in node.all_input_nodes if n in behind or n is layer]
            if (
                node in behind
                and all(n in segment for n in inner)
                and self._acts_by_channel(node, spatial=spatial)
            ):
                segment[node] = None
        return segment

    def _acts_by_channel(self, node: fx.Node, *, spatial: bool) -> bool:
        value, inputs = self._values[node], node.all_input_nodes
        if not isinstance(value, Tensor):
            return node.target in _SHAPE_FUNCTIONS or node.target == "size"
        tensors = [n for n in inputs if isinstance(self._values[n], Tensor)]
        if not self._is_channelwise_op(node, spatial=spatial) or not tensors:
            return False
        before = self._values[tensors[0]]
        if len(tensors) > 1:
            return all(self._values[n].shape == value.shape for n in tensors)
        if node.target in _REDUCTIONS:
            dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
            over = {d % 4 for d in dims} if isinstance(dims, list | tuple) else set()
            return before.dim() == 4 and over == {2, 3}
        # Axes 0 and 1, images and channels, must be preserved.
        if value.dim() == before.dim():
            return bool(value.shape[:2] == before.shape[:2])
        # Flattening [n, c, h, w] to [n, c * h * w] keeps each channel in one block.
        flat = (before.shape[0], before[0].numel())
        return value.dim() == 2 and tuple(value.shape) == flat

    def _is_channelwise_op(self, node: fx.Node, *, spatial: bool) -> bool:
        match node.op:
            case "call_module":
                module = self.graph.get_submodule(str(node.target))
                kinds = _ELEMENTWISE_MODULES + (_SPATIAL_MODULES if spatial else ())
                return isinstance(module, kinds)
            case "call_function":
                functions = _ELEMENTWISE_FUNCTIONS | (_SPATIAL_FUNCTIONS if spatial else set())
                return node.target in functions
            case "call_method":
                methods = _ELEMENTWISE_METHODS | (_SPATIAL_METHODS if spatial else set())
                return node.target in methods
        return False

    def _editable(self, node: fx.Node) -> EditableLayer | None:
        if node.op != "call_module":
            return None
        module = self.graph.get_submodule(str(node.target))
        return module if isinstance(module, nn.Conv2d | nn.Linear) else None

    def _head(self, layer: fx.Node, end: fx.Node, user: fx.Node) -> EditableLayer | None:
        """Return a node's module if the change of its output can be computed from one channel."""
        module, edited = self._editable(user), self._editable(layer)
        dims = self._values[end].dim()
        # A class of somebody's own may pad the images itself, for example.
        if module is None or type(module).forward not in (nn.Conv2d.forward, nn.Linear.forward):
            return None
        if isinstance(module, nn.Conv2d):
            unfolds = module.padding_mode == "zeros" and not isinstance(module.padding, str)
            return module if unfolds and module.groups == 1 and dims == 4 else None
        if isinstance(module, nn.Linear):
            return module if dims == 2 or isinstance(edited, nn.Linear) else None
        return None

    def _extract(
        self, inputs: Sequence[fx.Node], output: Any, forbidden: Iterable[fx.Node] = ()
    ) -> tuple[fx.GraphModule, tuple[fx.Node, ...]]:
        """Extract what computes ``output`` from ``inputs``; its other inputs are *outer*."""
        behind = _downstream(inputs) - set(forbidden)
        new, copies = fx.Graph(), {}
        for node in inputs:
            copies[node] = new.placeholder(node.name)
        needed = _upstream(output, stop=set(inputs), within=behind)
        outer = [
            n
            for n in self.graph.graph.nodes
            if n not in behind
            and n not in copies
            and n.op != "get_attr"
            and any(user in needed for user in n.users)
        ]
        for node in outer:
            copies[node] = new.placeholder(node.name)
        for node in self.graph.graph.nodes:
            constant = node.op == "get_attr" and any(user in needed for user in node.users)
            if (node in needed or constant) and node not in copies:
                copies[node] = new.node_copy(node, copies.__getitem__)
        new.output(copies[output])
        return fx.GraphModule(self.graph, new), tuple(outer)


def _patch_floats(head: Head) -> int:
    """Return the size of the patches that a convolution reads of one channel of one image."""
    if isinstance(head.module, nn.Linear):
        return 0
    return math.prod(head.module.kernel_size) * math.prod(head.size)


def _downstream(nodes: Iterable[fx.Node]) -> set[fx.Node]:
    return _closure(nodes, lambda node: node.users)


def _upstream(node: fx.Node, *, stop: set[fx.Node], within: set[fx.Node]) -> set[fx.Node]:
    if node in stop:
        return set()
    return {node} | _closure(
        [node], lambda n: [p for p in n.all_input_nodes if p not in stop and p in within]
    )


def _closure(
    nodes: Iterable[fx.Node], step: Callable[[fx.Node], Iterable[fx.Node]]
) -> set[fx.Node]:
    """Return all nodes that ``step`` reaches from ``nodes``, without the nodes themselves."""
    reached: set[fx.Node] = set()
    pending = [found for node in nodes for found in step(node)]
    while pending:
        node = pending.pop()
        if node not in reached:
            reached.add(node)
            pending.extend(step(node))
    return reached


def _shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None
