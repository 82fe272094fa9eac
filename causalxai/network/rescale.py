"""Copies of networks in the form that DeepLIFT needs, with each activation a separate module."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai.network.tracing import UntraceableError, traced

_ACTIVATIONS = (nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
"""The activations for which captum's DeepLIFT has a rule."""

_CALLS: Mapping[Any, Callable[[], nn.Module]] = {
    F.relu: nn.ReLU, torch.relu: nn.ReLU, torch.relu_: nn.ReLU, "relu": nn.ReLU, "relu_": nn.ReLU,
    F.sigmoid: nn.Sigmoid, torch.sigmoid: nn.Sigmoid, "sigmoid": nn.Sigmoid,
    F.tanh: nn.Tanh, torch.tanh: nn.Tanh, "tanh": nn.Tanh,
}  # fmt: skip
_POOLING = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
_ADDITIONS = {operator.iadd: operator.add}


# captum requires this of its users: its DeepLIFT is silently wrong for functional activations and
# for modules that are called twice, and its rule for max pooling needs non-overlapping windows.
def rescalable(model: nn.Module, images: Tensor) -> tuple[nn.Module, str]:
    """Return a copy of a network whose nonlinearities captum's DeepLIFT supports, if possible.

    Functional activations become modules, modules that are called more than once are duplicated,
    in-place operations are replaced, and max pooling gets its own rule. A network that cannot be
    traced keeps its functional calls; the sum of the attributions shows whether the result is
    correct.

    Parameters
    ----------
    model
        The network, which is not changed.
    images
        ``[2 n, c, h, w]`` that differ from one another, on which the copy is compared with it.

    Returns
    -------
    model
        The copy, in evaluation mode.
    doubt
        The reason why no traced copy is used; empty if one is.

    Raises
    ------
    CapabilityError
        If the network cannot be copied.
    """
    try:
        copy = _with_own_modules(traced(model))
        if _same_logits(copy, model, images):
            return copy, ""
        doubt = "its traced copy gives other logits, as where the network as a whole has hooks"
    except UntraceableError as error:
        doubt = f"it cannot be traced: {error}"
    # captum gives the outermost module a tuple, which hooks of the network do not expect.
    return nn.Sequential(_paired(_copied(model))).eval(), doubt


def _copied(model: nn.Module) -> nn.Module:
    try:
        return deepcopy(model)
    except Exception as error:
        # What a network keeps in its attributes may not be meant to be copied.
        raise CapabilityError(
            f"DeepLIFT changes a copy of the network, and {type(model).__name__} can't be copied: "
            f"{type(error).__name__}: {error}; use integrated-gradients"
        ) from error


def _with_own_modules(graph: fx.GraphModule) -> nn.Module:
    for index, node in enumerate(list(graph.graph.nodes)):
        own = _module_for(graph, node)
        if own is not None:
            _put(graph, node, f"rule_of_its_own_{index}", own)
        elif node.target in _ADDITIONS:
            node.target = _ADDITIONS[node.target]
    graph.recompile()
    return _paired(graph).eval()


@torch.no_grad()
def _same_logits(copy: nn.Module, model: nn.Module, images: Tensor) -> bool:
    try:
        found, expected = copy(images), model(images)
    except Exception:
        # The copy runs the user's code outside its module, which may raise any exception.
        return False
    return found.shape == expected.shape and torch.allclose(
        found, expected, rtol=0, atol=1e-4 * float(expected.abs().max())
    )


def _module_for(graph: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """Return the module that replaces a call, or ``None`` if it need not be replaced."""
    if node.op == "call_module":
        called = graph.get_submodule(str(node.target))
        return deepcopy(called) if isinstance(called, (*_ACTIVATIONS, nn.MaxPool2d)) else None
    if node.op not in ("call_function", "call_method"):
        return None
    if node.target is F.max_pool2d or node.target is torch.max_pool2d:
        given: dict[str, Any] = dict(zip(_POOLING, node.args[1:], strict=False)) | dict(node.kwargs)
        return nn.MaxPool2d(**{name: given[name] for name in _POOLING if name in given})
    return _CALLS[node.target]() if node.target in _CALLS else None


def _put(graph: fx.GraphModule, node: fx.Node, name: str, module: nn.Module) -> None:
    graph.add_submodule(name, module)
    source = node.args[0] if node.args else node.kwargs["input"]
    with graph.graph.inserting_after(node):
        own = graph.graph.call_module(name, (source,))
    node.replace_all_uses_with(own)
    graph.graph.erase_node(node)


def _paired(model: nn.Module) -> nn.Module:
    for parent in list(model.modules()):
        if getattr(parent, "inplace", False):
            parent.inplace = False  # type: ignore[assignment]
        for name, child in list(parent.named_children()):
            if type(child) is nn.MaxPool2d and not child.return_indices:
                setattr(parent, name, PairedMaxPool2d(child))
    return model


class PairedMaxPool2d(nn.Module):
    """Max pooling of a batch ``[images; baselines]``, whose gradients are DeepLIFT's multipliers.

    A positive difference between the pooled image and the pooled baseline is attributed to the
    image's largest pixel, a negative one to the baseline's. captum has the same rule, but only for
    non-overlapping windows, and it uses the first image's gradient for all images where a pixel
    equals its baseline.
    """

    def __init__(self, pooling: nn.MaxPool2d) -> None:
        super().__init__()
        self.settings = tuple(getattr(pooling, name) for name in _POOLING)

    def forward(self, images: Tensor) -> Tensor:
        """Map ``[2 n, c, h, w]`` to ``[2 n, c, h', w']``."""
        pooled: Tensor = _PairedMaxPool.apply(images, self.settings)  # type: ignore[no-untyped-call]
        return pooled


class _PairedMaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, images: Tensor, settings: tuple[Any, ...]) -> Tensor:
        kernel, stride, padding, dilation, ceil_mode = settings
        pooled, where = F.max_pool2d(
            images, kernel, stride, padding, dilation, ceil_mode, return_indices=True
        )
        ctx.save_for_backward(images, pooled, where)
        return pooled

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        images, pooled, where = ctx.saved_tensors
        (x, base), (top, base_top), (at, base_at) = (t.chunk(2) for t in (images, pooled, where))
        highest = torch.maximum(top, base_top)
        difference = x - base
        multipliers = []
        for half, own in zip(gradient.chunk(2), (at, base_at), strict=True):
            share = _unpool(half * (highest - base_top), at, x)
            share += _unpool(half * (top - highest), base_at, x)
            plain = _unpool(half, own, x)
            multipliers.append(torch.where(difference == 0, plain, share / difference))
        return torch.cat(multipliers), None


def _unpool(values: Tensor, where: Tensor, like: Tensor) -> Tensor:
    """Add each value at the position of its maximum; windows may overlap."""
    flat = torch.zeros_like(like).flatten(2)
    return flat.scatter_add(2, where.flatten(2), values.flatten(2)).view_as(like)
