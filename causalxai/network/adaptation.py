"""Networks in the form in which the library can call them: without wrappers, with copied images.

Some networks write into the images that they are given, compute with other numbers than float32, or
return a tensor that the next call overwrites. They are given copies, numbers of the kind that they
need, and their answers are copied, all in one place: the ``forward`` of a subclass that the network
becomes an instance of. The names of its layers, its state dict and its hooks stay as they were, and
``torch.fx`` traces the new ``forward``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from causalxai.errors import ContractError

_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


@dataclass(frozen=True)
class Adaptation:
    """What is done around each call of a network.

    Parameters
    ----------
    takes
        The type of the numbers to which images are converted.
    copies_images
        Whether the network gets copies of the images, because it writes into them.
    gives_float32
        Whether the logits are converted to float32.
    copies_logits
        Whether the logits are copied, because the network overwrites them in its next call, or
        because it computes them in inference mode, after which they cannot be used in training.
    """

    takes: torch.dtype = torch.float32
    copies_images: bool = False
    gives_float32: bool = False
    copies_logits: bool = False

    @property
    def reason(self) -> str:
        """What the network does that makes the adaptation necessary, in words."""
        if self.copies_images:
            return "writes into the images that it is given"
        if self.copies_logits:
            return "returns logits that cannot be kept"
        return "does not take and give float32"


UNCHANGED = Adaptation()
"""The adaptation of a network that can be called as it is."""


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network inside the wrappers of ``torch.compile`` and ``nn.DataParallel``.

    Inside it, parts that ``torch.compile`` made are replaced with what they were made of: their
    layers could otherwise not be read. It computes the same as before, apart from rounding.
    """
    while (inner := _inside(model)) is not None:
        model = inner
    for parent in list(model.modules()):
        # What nn.Module.compile() sets.
        parent._compiled_call_impl = None
        for name, child in list(parent.named_children()):
            if _inside(child) is not None:
                setattr(parent, name, unwrapped(child))
    return model


def _inside(model: nn.Module) -> nn.Module | None:
    inner: object = None
    if isinstance(model, _PARALLEL):
        inner = model.module
    # The class is not imported, which would take seconds where nothing is compiled.
    elif type(model).__name__ == "OptimizedModule":
        inner = getattr(model, "_orig_mod", None)
    return inner if isinstance(inner, nn.Module) else None


def name_of(model: nn.Module) -> str:
    """Return the name of a network's class, of a scripted one that of the original class."""
    name = getattr(model, "original_name", None)
    return name if isinstance(name, str) else type(model).__name__


def adaptation_of(model: nn.Module) -> Adaptation:
    """Return what is done around each call of a network."""
    found = getattr(type(model), "_causalxai_adaptation", UNCHANGED)
    assert isinstance(found, Adaptation)
    return found


def class_of(model: nn.Module) -> type[nn.Module]:
    """Return the class that a network had before it was adapted."""
    is_adapted = "_causalxai_adaptation" in vars(type(model))
    (original,) = type(model).__bases__ if is_adapted else (type(model),)
    return original


def adapt(model: nn.Module, adaptation: Adaptation) -> None:
    """Make a network an instance of a subclass whose ``forward`` does what is necessary.

    Raises
    ------
    ContractError
        If the network's class does not allow it.
    """
    if adaptation == adaptation_of(model):
        return
    original = class_of(model)
    # The forward() of these is not that of their class alone, so that a subclass could not wrap it.
    if (
        isinstance(model, torch.jit.ScriptModule | fx.GraphModule)
        or "forward" in vars(model)
        or original.__call__ is not nn.Module.__call__
    ):
        raise ContractError(
            f"{name_of(model)} {adaptation.reason}; wrap it in a class of your own, whose "
            "forward() passes it a copy of the images (and their type), and returns the logits "
            "as float32"
        )
    model.__class__ = _subclass(original, adaptation)


def _subclass(original: type[nn.Module], adaptation: Adaptation) -> type[nn.Module]:
    def forward(self: nn.Module, images: Tensor) -> Tensor:
        if adaptation.copies_images:
            images = images.clone()
        if adaptation.takes != torch.float32:
            images = images.to(adaptation.takes)
        logits: Tensor = original.forward(self, images)
        if adaptation.copies_logits:
            logits = logits.clone()
        return logits.to(torch.float32) if adaptation.gives_float32 else logits

    members = {
        "forward": forward,
        "_causalxai_adaptation": adaptation,
        # Messages and the inspection of source code shall find the class that the user wrote.
        **{name: getattr(original, name) for name in ("__doc__", "__module__", "__qualname__")},
    }
    return type(original.__name__, (original,), members)


def as_float32(activations: Tensor) -> Tensor:
    """Return activations of a network as ordinary float32 numbers; differentiable.

    Networks of float64 or bfloat16 and networks in inference mode have others. Inside of
    ``torch.autocast`` the type is left as it is.
    """
    if activations.is_inference() and not torch.is_inference_mode_enabled():
        activations = activations.clone()
    if torch.is_autocast_enabled(activations.device.type):
        return activations
    return activations.to(torch.float32)
