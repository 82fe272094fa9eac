"""Networks as one graph of ATen operations, whichever way their code is written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from copy import deepcopy
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export
from torch.export.graph_signature import InputKind

from causalxai.network.pooling import max_pool2d
from causalxai.network.tracing import UntraceableError

_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_INSIDE = "network"
_STACK = "nn_module_stack"
_FASTER: Mapping[Any, Callable[..., Any]] = {torch.ops.aten.max_pool2d.default: max_pool2d}
"""What gives the same as an operation in less time."""
_Run = tuple[fx.Node, tuple[fx.Node, ...]]


class _Called(nn.Module):
    """Calls a network with images alone, whatever else it and its wrappers would take."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return self.network(images)


class ExportedNetwork:
    """The operations that lead from images to logits, as functions without side effects.

    The graph reads the network's own parameters and buffers each time it runs, so that it follows
    changes of them.

    Parameters
    ----------
    model
        The network.
    program
        What ``torch.export`` made of it.

    Attributes
    ----------
    graph
        The graph. Whoever replaces nodes in it calls ``refresh`` afterwards.
    images
        The node of the images ``[n, c, h, w]``.
    logits
        The node of the network's output.
    nodes
        The operations on which the logits depend, in order.
    """

    def __init__(self, model: nn.Module, program: ExportedProgram) -> None:
        self._model, self._module = model, program.graph_module
        self.graph = self._module.graph
        signature = program.graph_signature
        (name,) = signature.user_inputs
        (result,) = signature.user_outputs
        by_name = {node.name: node for node in self.graph.nodes}
        if result not in by_name:
            raise UntraceableError("it returns a constant, or several tensors")
        self.images, self.logits = by_name[str(name)], by_name[str(result)]
        specs = {by_name[spec.arg.name]: spec for spec in signature.input_specs}
        self._targets = {node: spec.target for node, spec in specs.items()}
        self._kinds = {node: spec.kind for node, spec in specs.items()}
        self._constants = program.constants
        self._own = {
            node: attrgetter(_inside(name)) for node, name in self._targets.items() if name
        }
        size = self.images.meta["val"].shape[0]
        if not isinstance(size, torch.SymInt):
            raise UntraceableError("it takes a fixed number of images")
        self._symbol = size.node.expr
        self.refresh()

    def refresh(self) -> None:
        """List the operations again."""
        self._shapes: dict[tuple[fx.Node, int], tuple[int, ...]] = {}
        self._numbers: dict[tuple[fx.Node, int], Any] = {}
        needed = _ancestors([self.logits])
        self.nodes = [node for node in self.graph.nodes if node in needed]
        self.by_image: set[fx.Node] = set()
        for node in self.nodes:
            if node is self.images or any(n in self.by_image for n in node.all_input_nodes):
                self.by_image.add(node)
        self._schedules: dict[frozenset[fx.Node], tuple[_Run, ...]] = {}

    def parameter(self, node: fx.Node) -> str | None:
        """Return the name of the parameter that a node reads, if it is one."""
        if self._kinds.get(node) is not InputKind.PARAMETER:
            return None
        return _inside(self._targets[node])

    def modules(self, node: fx.Node) -> frozenset[nn.Module]:
        """Return the modules in whose ``forward`` an operation is done, in any of their runs."""
        found = (_submodule(self._model, path) for path in _paths(node))
        return frozenset(module for module in found if module is not None)

    def shape(self, node: fx.Node, images: int) -> tuple[int, ...]:
        """Return the shape of a tensor for some number of images."""
        key = (node, images)
        if key not in self._shapes:
            self._shapes[key] = tuple(self._size(d, images) for d in node.meta["val"].shape)
        return self._shapes[key]

    def is_tensor(self, node: fx.Node) -> bool:
        """Return whether a node is a tensor, not a number or several tensors."""
        return isinstance(node.meta.get("val"), Tensor)

    def batch_axis(self, node: fx.Node) -> int | None:
        """Return the axis of images, ``None`` where no axis has just one entry per image."""
        sizes = node.meta["val"].shape
        of_images = [i for i, size in enumerate(sizes) if isinstance(size, torch.SymInt)]
        if len(of_images) != 1 or sizes[of_images[0]].node.expr != self._symbol:
            return None
        return of_images[0]

    def number(self, node: fx.Node, images: int) -> Any:
        """Return the value of a node that is a number, for some number of images."""
        key = (node, images)
        if key not in self._numbers:
            self._numbers[key] = self._size(node.meta["val"], images)
        return self._numbers[key]

    def _size(self, size: Any, images: int) -> Any:
        if isinstance(size, torch.SymInt):
            return int(size.node.expr.subs(self._symbol, images))
        return size

    def constant(self, node: fx.Node) -> Any:
        """Return what a placeholder or an attribute stands for, as the network has it now."""
        if node.op == "get_attr":
            return getattr(self._module, str(node.target))
        name = self._targets[node]
        match self._kinds[node]:
            case InputKind.PARAMETER:
                return self._own[node](self._model)
            case InputKind.BUFFER if name not in self._constants:
                return self._own[node](self._model)
            case InputKind.BUFFER | InputKind.CONSTANT_TENSOR:
                return self._constants[name]
        raise UntraceableError(f"it reads {name!r}, which is no tensor")

    def constants(self, dtype: torch.dtype | None = None) -> Constants:
        """Return the values that do not depend on the images, as they are now.

        Parameters
        ----------
        dtype
            The floating-point type in which the network's weights are read; their own unless given.
        """
        return Constants(self, dtype)

    def run(
        self, inputs: Tensor, keep: Collection[fx.Node], constants: Constants | None = None
    ) -> dict[fx.Node, Any]:
        """Run what some nodes depend on, and return their values."""
        known = constants or self.constants()
        wanted = frozenset(keep)
        values: dict[fx.Node, Any] = {self.images: inputs}

        def value(node: fx.Node) -> Any:
            return values[node] if node in values else known[node]

        for node, read_last in self._schedule(wanted):
            if node is not self.images:
                values[node] = called(node, value)
            for read in read_last:
                values.pop(read, None)
        return {node: value(node) for node in wanted}

    def _schedule(self, wanted: frozenset[fx.Node]) -> tuple[_Run, ...]:
        """Return the operations to run, in order, each with the values that nothing reads later."""
        if wanted not in self._schedules:
            needed = _ancestors(wanted) & self.by_image
            order = [node for node in self.nodes if node in needed]
            last = {read: node for node in order for read in node.all_input_nodes}
            self._schedules[wanted] = tuple(
                (
                    node,
                    tuple(n for n in node.all_input_nodes if last[n] is node and n not in wanted),
                )
                for node in order
            )
        return self._schedules[wanted]

    def insert(
        self, target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], like: fx.Node
    ) -> fx.Node:
        """Insert an operation before ``like``, whose place in the network it gets; return it."""
        with self.graph.inserting_before(like):
            node: fx.Node = self.graph.call_function(target, args, dict(kwargs))
        with self.images.meta["val"].fake_mode:
            value = called(node, lambda n: n.meta["val"])
        node.meta = {"val": value, _STACK: like.meta.get(_STACK)}
        return node


class Constants:
    """Values of an exported network that do not depend on the images, computed when needed."""

    def __init__(self, network: ExportedNetwork, dtype: torch.dtype | None = None) -> None:
        self.network, self.dtype = network, dtype
        self._values: dict[fx.Node, Any] = {}

    def __getitem__(self, node: fx.Node) -> Any:
        if node not in self._values:
            self._values[node] = self._value(node)
        return self._values[node]

    def _value(self, node: fx.Node) -> Any:
        if node.op == "call_function":
            return called(node, self.__getitem__)
        value = self.network.constant(node)
        is_float = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(self.dtype) if is_float and self.dtype is not None else value


def called(
    node: fx.Node, value: Callable[[fx.Node], Any], operation: Callable[..., Any] | None = None
) -> Any:
    """Return the result of a node's operation.

    Parameters
    ----------
    node
        The node.
    value
        A function from the nodes that it reads to their values.
    operation
        What is called instead of the node's operation, if given.
    """
    args: Any = fx.node.map_arg(node.args, value)
    kwargs: Any = fx.node.map_arg(node.kwargs, value) if node.kwargs else {}
    target: Any = node.target
    own: Any = operation or _FASTER.get(target, target)
    return own(*args, **kwargs)


def exported(
    model: nn.Module,
    images: Tensor,
    prepare: Callable[[ExportedNetwork], None] = lambda _network: None,
) -> ExportedNetwork:
    """Export a network, for any number of images.

    A copy that shares the network's parameters and buffers is exported, because its code runs on
    placeholders, which it might keep in its attributes. Its hooks are left out if the answers are
    the same without them, because they might keep placeholders as well.

    Parameters
    ----------
    model
        The network, in evaluation mode.
    images
        ``[n, c, h, w]``, at least two, on the network's device, on which answers are compared.
    prepare
        What is to be done with the graph before answers are compared.

    Raises
    ------
    UntraceableError
        If the network's control flow depends on its data, it can't be copied or exported, or the
        operations give other answers than the network.
    """
    hooked = any(getattr(module, hooks) for module in model.modules() for hooks in _HOOKS)
    for hooks in (False, True) if hooked else (True,):
        try:
            network = _export(model, images[:2], hooks=hooks)
            prepare(network)
            if gives_the_logits(network, model, (images, images[:1], images[1:3])):
                return network
            reason = UntraceableError("its exported copy gives other logits")
        except UntraceableError as error:
            reason = error
    raise reason


@torch.no_grad()
def gives_the_logits(network: ExportedNetwork, model: nn.Module, batches: Iterable[Tensor]) -> bool:
    """Return whether exported operations give a network's answers, to rounding."""
    for images in batches:
        expected = model(images)
        try:
            found = network.run(images, [network.logits])[network.logits]
        except Exception as error:
            # The operations may not fit other numbers of images, and fail in any way.
            raise UntraceableError(f"its exported copy fails: {error}") from error
        if not isinstance(expected, Tensor) or found.shape != expected.shape:
            return False
        allowed = 1e-5 * float(expected.abs().max())
        if not torch.allclose(found, expected, rtol=0, atol=allowed):
            return False
    return True


def _export(model: nn.Module, images: Tensor, *, hooks: bool) -> ExportedNetwork:
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    try:
        copy = deepcopy(model, shared)
        for module in copy.modules() if not hooks else ():
            for name in _HOOKS:
                getattr(module, name).clear()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shapes = ({0: Dim("images", min=1)},)
            program = export(_Called(copy), (images,), dynamic_shapes=shapes, strict=False)
            if any(_writes(node) for node in program.graph.nodes):
                # Without a table of decompositions, it only replaces operations in place.
                program = program.run_decompositions({})
        return ExportedNetwork(model, program)
    except Exception as error:
        # Export runs the user's forward() with placeholders, which may raise any exception.
        if isinstance(error, UntraceableError):
            raise
        lines = str(error).strip().splitlines() or [""]
        raise UntraceableError(f"{type(error).__name__}: {lines[0]}") from error


def _ancestors(nodes: Iterable[fx.Node]) -> set[fx.Node]:
    """Return some nodes and all on which they depend."""
    found, pending = set[fx.Node](), [*nodes]
    while pending:
        node = pending.pop()
        if node not in found:
            found.add(node)
            pending.extend(node.all_input_nodes)
    return found


def _paths(node: fx.Node) -> Iterable[str]:
    """Return the names of the modules in whose ``forward`` an operation is done."""
    stack = node.meta.get(_STACK) or {}
    # A module's second run has a name with a number, as in `body.conv@1`.
    return (_inside(path.split("@")[0]) for path, _ in stack.values())


def _inside(name: str) -> str:
    """Return the name within the network of what its wrapper has under a longer name."""
    return name.removeprefix(_INSIDE).removeprefix(".")


def _writes(node: fx.Node) -> bool:
    """Return whether an operation writes into its inputs, or has a graph of its own."""
    if node.op == "get_attr":
        return True
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _submodule(model: nn.Module, path: str) -> nn.Module | None:
    try:
        return model.get_submodule(path)
    except AttributeError:
        return None
