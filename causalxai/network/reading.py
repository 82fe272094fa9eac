"""How the logits are read from what a network returns: objects, probabilities, some of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, fx, nn

from causalxai.errors import ContractError, did_you_mean

Output: TypeAlias = Literal[
    "logits", "probabilities", "log-probabilities", "binary-logit", "binary-probability"
]
"""What the numbers are that a network gives."""

OUTPUTS: tuple[Output, ...] = get_args(Output)

LOGITS: tuple[Output, ...] = ("logits", "binary-logit")
_BINARY: tuple[Output, ...] = ("binary-logit", "binary-probability")
"""The outputs that are logits already."""

_SMALLEST = torch.finfo(torch.float32).tiny
_NEAREST_TO_ONE = 1e-7


@dataclass(frozen=True)
class Reading:
    """Where in a network's answer the numbers are, and what they are.

    Parameters
    ----------
    answer
        The attribute, key or index under which a network returns them that returns more than one
        tensor; ``None`` if it returns the tensor itself.
    output
        What they are. All become logits: probabilities by the logarithm, the logit z of a single
        output as -z / 2 and z / 2, which has the same probabilities.
    classes
        The column of each class; ``None`` if there are no others.
    layer
        The name of a layer whose output goes into a softmax or sigmoid at the end; its output is
        read in place of the network's. Empty if there is none.
    is_flat
        Whether the numbers come without further axes of length 1, ``[n, K]``.
    """

    answer: str | int | None = None
    output: Output = "logits"
    classes: tuple[int, ...] | None = None
    layer: str = ""
    is_flat: bool = True

    @property
    def is_binary(self) -> bool:
        """Whether there is one output for two classes."""
        return self.output in _BINARY

    @property
    def is_linear(self) -> bool:
        """Whether the logits are linear in the outputs that are read."""
        return self.output in LOGITS or bool(self.layer)

    def values(self, returned: Any) -> Any:
        """Return the numbers among what a network returned."""
        if self.answer is None:
            return returned
        is_attribute = isinstance(self.answer, str) and not isinstance(returned, Mapping)
        return getattr(returned, self.answer) if is_attribute else returned[self.answer]  # type: ignore[arg-type]

    def logits(self, values: Tensor) -> Tensor:
        """Return the logits ``[n, K]`` of what was read; differentiable."""
        if not self.is_flat:
            values = values.flatten(1)
        if self.is_binary:
            return self._of_two(values)
        if self.output == "probabilities" and not self.layer:
            values = values.to(torch.float32).clamp(min=_SMALLEST).log()
        return values if self.classes is None else values[:, list(self.classes)]

    def _of_two(self, values: Tensor) -> Tensor:
        half = values.reshape(-1, 1)
        if self.output == "binary-probability" and not self.layer:
            half = torch.logit(half.to(torch.float32), eps=_NEAREST_TO_ONE)
        half = half / 2
        return torch.cat([-half, half], dim=1)

    def fits(self, values: Tensor) -> bool:
        """Return whether some tensor has the shape of what is read."""
        if self.is_binary:
            return values.dim() > 0 and values.numel() == len(values)
        if values.dim() < 2 or (self.is_flat and values.dim() > 2):
            return False
        width = values[0].numel()
        return self.classes is None or width > max(self.classes)


PLAIN = Reading()
"""The reading of a network that returns the logits of all classes."""


def find_answer(returned: Any, takes: str) -> str | int | None:
    """Return where in a network's answer its outputs are, if only one place can be meant.

    That is ``logits``, where the answer has that, or its only tensor.

    Parameters
    ----------
    returned
        What the network returned.
    takes
        What the network must do, for the message.

    Raises
    ------
    ContractError
        If there are several tensors, or none; the message lists them.
    """
    if isinstance(returned, Tensor):
        return None
    tensors = _tensors(returned)
    if "logits" in tensors:
        return "logits"
    if len(tensors) == 1:
        return next(iter(tensors))
    there = ", ".join(f"{key!r} {list(value.shape)}" for key, value in tensors.items())
    raise ContractError(
        f"{takes}; one image gives {type(returned).__name__}"
        + (f" with the tensors {there}: say with answer= which of them it is" if tensors else "")
    )


def require_answer(returned: Any, answer: str | int, name: str) -> None:
    """Raise ContractError unless a network's answer has a tensor in the place that was stated."""
    if isinstance(returned, Tensor):
        raise ContractError(
            f"{name} returns a tensor {list(returned.shape)} and not several, of which answer="
            f"{answer!r} could be one: leave answer out"
        )
    tensors = _tensors(returned)
    if answer in tensors:
        return
    try:
        found: object = Reading(answer).values(returned)
    except (AttributeError, KeyError, IndexError, TypeError):
        found = None
    if isinstance(found, Tensor):
        return
    known = [str(key) for key in tensors]
    there = f" (there are: {', '.join(known)})" if known else ""
    raise ContractError(
        f"{name} returns {type(returned).__name__}, which has no tensor {answer!r}"
        f"{did_you_mean(str(answer), known)}{there}"
    )


def _tensors(returned: Any) -> dict[str | int, Tensor]:
    """Return the tensors of a mapping, a sequence or an object, by key, index or attribute."""
    items: Sequence[tuple[Any, object]]
    if isinstance(returned, Mapping):
        items = [*returned.items()]
    elif isinstance(returned, list | tuple) and not hasattr(returned, "_fields"):
        items = [*enumerate(returned)]
    elif isinstance(returned, tuple):
        items = [(name, getattr(returned, name)) for name in returned._fields]  # type: ignore[attr-defined]
    elif is_dataclass(returned):
        items = [(field.name, getattr(returned, field.name)) for field in fields(returned)]
    else:
        items = [*getattr(returned, "__dict__", {}).items()]
    return {key: value for key, value in items if isinstance(value, Tensor)}


def read(model: nn.Module, reading: Reading, ask: Callable[[], Any], images: Any) -> Tensor:
    """Return the logits that a network gives.

    Parameters
    ----------
    model
        The network.
    reading
        How its answers are read.
    ask
        Calls the network.
    images
        The images on which it is called, or what stands for them while it is traced.
    """
    if not reading.layer:
        return reading.logits(reading.values(ask()))
    found: list[Any] = []
    layer = model.get_submodule(reading.layer)
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output))
    try:
        ask()
    finally:
        handle.remove()
    if isinstance(images, fx.Proxy):
        found.append(_traced_output(images, reading.layer, found))
    return reading.logits(found[-1])


def _traced_output(images: fx.Proxy, layer: str, recorded: Sequence[fx.Proxy]) -> fx.Proxy:
    """Return the output of a layer in the traced network, without what came after it.

    Layers that are traced as one step run no hooks.
    """
    nodes = list(images.tracer.graph.nodes)
    if recorded:
        last = recorded[-1].node
    else:
        last = next(n for n in reversed(nodes) if n.op == "call_module" and n.target == layer)
    for node in reversed(nodes[nodes.index(last) + 1 :]):
        if not node.users:
            images.tracer.graph.erase_node(node)
    return fx.Proxy(last, images.tracer)
