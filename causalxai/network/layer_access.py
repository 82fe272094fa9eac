"""Access to the layers of a classifier's network: what they are called, and what they compute."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from causalxai.errors import CapabilityError, UndecidedError
from causalxai.network.adaptable import Scripted
from causalxai.network.dividing_layers import offer
from causalxai.network.hidden_layer import Embedding, HiddenLayer, NamedLayer
from causalxai.network.layer_list import LayerInfo, list_layers
from causalxai.network.layer_order import in_order, weighted_layers
from causalxai.network.linear_head import LinearHead, find_linear_head

if TYPE_CHECKING:
    from torch import Tensor, nn


class LayerAccess(ABC):
    """What has a network whose layers can be read.

    Attributes
    ----------
    model
        The network.
    """

    model: nn.Module

    @abstractmethod
    def _probes(self) -> Tensor:
        """Return a few images ``[n, c, h, w]`` on which the network is run to see its layers."""

    @property
    @abstractmethod
    def gives_gradients(self) -> bool:
        """Whether the logits have gradients by the images."""

    def require_layers(self) -> None:
        """Raise CapabilityError unless the layers of the network can be read.

        Raises
        ------
        CapabilityError
            If the network was compiled by TorchScript, which runs no hooks.
        """
        if isinstance(self.model, Scripted):
            raise CapabilityError(
                "the classifier was compiled by TorchScript, so that its layers cannot be read: "
                "take a method that needs none, such as one that attributes to pixels, or load "
                "the network that it was compiled from"
            )

    def require_head(self, who: str) -> None:
        """Raise CapabilityError unless the logits are linear in an embedding.

        Parameters
        ----------
        who
            The name of the part that needs it, for the message.

        Raises
        ------
        CapabilityError
            If the last layer is not linear; the message names it.
        """
        try:
            _ = self.head
        except CapabilityError as error:
            raise CapabilityError(
                f"{who} needs a classifier whose logits are linear in an embedding: {error}"
            ) from error

    @cached_property
    def head(self) -> LinearHead:
        """The linear last layer.

        Raises
        ------
        CapabilityError
            If the last layer of the network is not linear; the message names the layer, and the
            hidden layers that a method can use which takes a layer by name.
        """
        self.require_layers()
        try:
            return find_linear_head(self.model, self._probes())
        except CapabilityError as error:
            raise CapabilityError(
                f"{error}{self._offer('for methods that take a hidden layer by name, ')}"
            ) from error

    def hidden(self, layer: str | None = None) -> HiddenLayer:
        """Return a hidden layer's activations, and the rest of the network as a function of them.

        Parameters
        ----------
        layer
            Its name, as in ``named_modules``; ``None`` for the input of the linear last layer.

        Raises
        ------
        CapabilityError
            If there is no such layer, or the logits do not follow from it alone; the message names
            layers that would do.
        """
        self.require_layers()
        if layer is None:
            return Embedding(self.model, self.head)
        try:
            return NamedLayer(self.model, layer, self._probes())
        except UndecidedError:
            raise
        except CapabilityError as error:
            raise CapabilityError(f"{error}{self._offer()}") from error

    def _offer(self, prefix: str = "") -> str:
        """Return the end of a message with hidden layers that would do, if there are any."""
        found = offer(self.model, self._probes()) if self.gives_gradients else ""
        return f"; {prefix}{found}" if found else ""

    def layers(self, *kinds: type[nn.Module]) -> tuple[str, ...]:
        """Return the names of the modules of some classes that run, in the order of last runs.

        A module that runs several times stands where it runs for the last time.
        """
        self.require_layers()
        return in_order(self.model, self._probes(), kinds)

    def weighted_layers(self) -> tuple[str, ...]:
        """Return the names of the modules that own parameters, in the order in which they run."""
        self.require_layers()
        return weighted_layers(self.model, self._probes())

    def describe_layers(self) -> tuple[LayerInfo, ...]:
        """Return what each layer is, what it returns and what methods can use it for.

        They are in the order in which they begin to run.
        """
        self.require_layers()
        return list_layers(self.model, self._probes())
