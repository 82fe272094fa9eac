"""The layers that divide a network: every way from the images to the logits leads through them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError
from causalxai.network.hidden_layer import NamedLayer, first_tensor

_MOST = 6
_TRIED = 2

Step = Any
"""A step of a computation as autograd keeps it (``torch.autograd.graph.Node``)."""


@dataclass(frozen=True)
class DividingLayer:
    """A layer from which alone the logits follow.

    Parameters
    ----------
    name
        The layer's name in the network.
    shape
        The shape of one image's activations.
    """

    name: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {list(self.shape)}"


class _Run(NamedTuple):
    """A run of a layer: the last step and the shape of its output, and its rank among the same."""

    step: Step
    shape: tuple[int, ...]
    rank: tuple[bool, int]


def dividing_layers(model: nn.Module, images: Tensor) -> tuple[DividingLayer, ...]:
    """Return the layers that divide a network, in the order in which they run.

    They are found in a single run, in the graph that autograd keeps of it: in how many ways it
    leads from the logits to the images, and how many of these lead through a layer's output. Ways
    without a gradient are not seen. Of layers with the same output, such as a block and its last
    layer, the outermost that returns nothing else is taken; layers with as many values as there are
    logits are left out.

    Parameters
    ----------
    model
        A network in evaluation mode, with frozen parameters. Without gradients of the logits by the
        images, there are no such layers.
    images
        ``[n, c, h, w]``, on the network's device.
    """
    names = {
        module: name
        for name, module in model.named_modules()
        # TorchScript runs no hooks.
        if name and not isinstance(module, torch.jit.ScriptModule)
    }
    ran: dict[str, list[_Run]] = {}

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        tensor = first_tensor(output)
        step, shape = (None, ()) if tensor is None else (tensor.grad_fn, tuple(tensor.shape))
        rank = (not isinstance(output, Tensor), names[module].count("."))
        ran.setdefault(names[module], []).append(_Run(step, shape, rank))

    handles = [module.register_forward_hook(note) for module in names]
    leaf = images.detach().clone().requires_grad_()
    try:
        with torch.enable_grad():
            # A copy, because a leaf cannot be written into.
            logits = model(leaf.clone())
    finally:
        for handle in handles:
            handle.remove()
    needed = _on_every_way(logits.grad_fn, leaf)
    best: dict[Step, tuple[str, _Run]] = {}
    for name, (run, *again) in ran.items():
        hidden = run.shape[:1] == images.shape[:1] and math.prod(run.shape[1:]) != logits.shape[1]
        if run.step in needed and hidden and not again:
            same = best.setdefault(run.step, (name, run))
            best[run.step] = min(same, (name, run), key=lambda one: one[1].rank)
    return tuple(DividingLayer(name, run.shape[1:]) for name, run in best.values())


def offer(model: nn.Module, images: Tensor) -> str:
    """Return a text with the last layers that divide a network, empty if there are none.

    Each of them was tried on images.

    Parameters
    ----------
    model, images
        As for ``dividing_layers``; two or more images that are not blank.
    """
    some = images[:_TRIED]
    found = dividing_layers(model, some)
    named = [layer for layer in found[-_MOST:] if _divides(model, layer.name, some)]
    if not named:
        return ""
    earlier = f" (and {len(found) - _MOST} before them)" if len(found) > _MOST else ""
    return f"layers that would do: {', '.join(map(str, named))}{earlier}"


def _divides(model: nn.Module, name: str, images: Tensor) -> bool:
    try:
        NamedLayer(model, name, images)
    except CapabilityError:
        return False
    return True


def _on_every_way(logits: Step, leaf: Tensor) -> set[Step]:
    """Return the steps that lie on every way from the logits back to a leaf."""
    steps = list(_in_order(logits))
    # The number of ways from each step to the leaf; later steps come later in the list.
    onwards: dict[Step, int] = {}
    for step in steps:
        ends = getattr(step, "variable", None) is leaf
        onwards[step] = ends + sum(onwards[before] for before in _before(step))
    until = dict.fromkeys(steps, 0)
    if logits is not None:
        until[logits] = 1
    for step in reversed(steps):
        for before in _before(step):
            until[before] += until[step]
    every = onwards.get(logits, 0)
    return {step for step in steps if every and until[step] * onwards[step] == every}


def _in_order(last: Step) -> Iterator[Step]:
    """Yield a step and all that it follows from, each after those that it follows from."""
    seen: set[Step] = set()
    pending = [] if last is None else [(last, False)]
    while pending:
        step, done = pending.pop()
        if done:
            yield step
        elif step not in seen:
            seen.add(step)
            pending.append((step, True))
            pending += [(before, False) for before in _before(step)]


def _before(step: Step) -> list[Step]:
    return [before for before, _ in step.next_functions if before is not None]
