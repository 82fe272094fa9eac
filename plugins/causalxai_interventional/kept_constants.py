"""What is made of a network's weights, kept from one query to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from causalxai.network.exported import Constants, ExportedNetwork


@dataclass(frozen=True)
class Kept:
    """What earlier queries made of weights.

    Parameters
    ----------
    made
        What was made, by the node of whose value it was made and by its name.
    copies
        Copies of the weights of which it was made.
    sources
        The weights on which a node depends.
    """

    made: dict[tuple[fx.Node, str], Any] = field(default_factory=dict)
    copies: dict[fx.Node, Tensor] = field(default_factory=dict)
    sources: dict[fx.Node, frozenset[fx.Node]] = field(default_factory=dict)

    def sources_of(self, node: fx.Node) -> frozenset[fx.Node]:
        """Return the weights on which a node depends."""
        if node not in self.sources:
            read = [self.sources_of(other) for other in node.all_input_nodes]
            # An operation without inputs, such as arange, depends on no weight.
            own = frozenset[fx.Node]() if node.op == "call_function" else frozenset({node})
            self.sources[node] = own.union(*read)
        return self.sources[node]

    def update(self, source: fx.Node, now: Any) -> None:
        """Forget what was made of a weight if it is not the same as before."""
        if not isinstance(now, Tensor):
            return
        before = self.copies.get(source)
        if before is None or not _is_same(before, now):
            self.copies[source] = now.detach().clone()
            for key in [key for key in self.made if source in self.sources_of(key[0])]:
                self.made.pop(key, None)

    def keep_within(self, memory: int) -> None:
        """Forget everything if it takes more bytes than this."""
        tensors = [t for t in (*self.made.values(), *self.copies.values()) if isinstance(t, Tensor)]
        sizes = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
        if sum(sizes.values()) > memory:
            self.made.clear()
            self.copies.clear()


class KeptConstants(Constants):
    """Values that do not depend on the images, for one query.

    What an earlier query made of weights is used again if these weights are the same. They are
    compared number by number with copies, because they can be written in ways of which PyTorch
    keeps no account.

    Parameters
    ----------
    network
        The network.
    kept
        What earlier queries made, of the same type and layout.
    dtype
        The floating-point type in which the network's weights are read; their own unless given.
    channels_last
        Whether weights of convolutions have their input channels last in memory.
    """

    def __init__(
        self,
        network: ExportedNetwork,
        kept: Kept,
        dtype: torch.dtype | None = None,
        *,
        channels_last: bool = False,
    ) -> None:
        super().__init__(network, dtype)
        self._kept, self._channels_last = kept, channels_last
        self._compared: set[fx.Node] = set()
        self._made_anew = False

    def made(self, node: fx.Node, what: str, make: Callable[[], Any]) -> Any:
        """Return what is made of the value of a node, made anew only if its weights changed.

        Parameters
        ----------
        node
            The node.
        what
            A name for it.
        make
            Makes it.
        """
        for source in self._kept.sources_of(node) - self._compared:
            self._kept.update(source, self.network.constant(source))
            self._compared.add(source)
        key = (node, what)
        if key not in self._kept.made:
            self._kept.made[key] = make()
            self._made_anew = True
        return self._kept.made[key]

    def keep_within(self, memory: int) -> None:
        """Forget everything for the next query if it takes more bytes than this."""
        if self._made_anew:
            self._kept.keep_within(memory)

    def _value(self, node: fx.Node) -> Any:
        if node.op == "call_function":
            return self.made(node, "value", lambda: super(KeptConstants, self)._value(node))
        value = super()._value(node)
        if not self._channels_last or not isinstance(value, Tensor) or value.dim() != 4:
            return value
        last = torch.channels_last
        return self.made(node, "value", lambda: value.contiguous(memory_format=last))


def _is_same(before: Tensor, now: Tensor) -> bool:
    alike = (before.shape, before.dtype, before.device) == (now.shape, now.dtype, now.device)
    return alike and torch.equal(before, now)
