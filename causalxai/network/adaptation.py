"""Networks in the form in which the library can call them: from images in [0, 1] to logits.

Some networks need normalised images, return objects or probabilities, write into the images that
they are given, compute with other numbers than float32, or return a tensor that the next call
overwrites. What has to be done around each call is done in one place: the ``forward`` of a subclass
that the network becomes an instance of. The names of its layers, its state dict and its hooks stay
as they were, and ``torch.fx`` traces the new ``forward``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from causalxai.network.preparation import AS_THEY_ARE, Preparation
from causalxai.network.reading import PLAIN, Reading, read

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
    prepares
        What is done to the images.
    reads
        How the logits are read from the answer.
    """

    takes: torch.dtype = torch.float32
    copies_images: bool = False
    gives_float32: bool = False
    copies_logits: bool = False
    prepares: Preparation = AS_THEY_ARE
    reads: Reading = PLAIN

    @property
    def reason(self) -> str:
        """What the network does that makes the adaptation necessary, in words."""
        if self.copies_images:
            return "writes into the images that it is given"
        if self.copies_logits:
            return "returns logits that cannot be kept"
        if self.prepares != AS_THEY_ARE or self.reads != PLAIN:
            return "does not map images in [0, 1] to logits"
        return "does not take and give float32"


UNCHANGED = Adaptation()
"""The adaptation of a network that can be called as it is."""


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network inside the wrappers of ``torch.compile`` and ``nn.DataParallel``.

    Inside it, parts that ``torch.compile`` made are replaced with what they were made of: their
    layers could otherwise not be read. It computes the same as before, apart from rounding.
    """
    model = inside_wrappers(model)
    for parent in list(model.modules()):
        # What nn.Module.compile() sets.
        parent._compiled_call_impl = None
        for name, child in list(parent.named_children()):
            if _inside(child) is not None:
                setattr(parent, name, unwrapped(child))
    return model


def inside_wrappers(model: nn.Module) -> nn.Module:
    """Return the network inside wrappers, which is left as it is."""
    while (inner := _inside(model)) is not None:
        model = inner
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

    Parameters
    ----------
    model
        A network in the form of ``causalxai.network.adaptable``.
    adaptation
        What is to be done around each call.
    """
    if adaptation == adaptation_of(model):
        return
    original = class_of(model)
    is_plain = adaptation == UNCHANGED
    model.__class__ = original if is_plain else _subclass(original, adaptation)


@contextmanager
def unread(model: nn.Module) -> Iterator[None]:
    """Let a network return its own answers, in place of the logits that are read from them."""
    kept = adaptation_of(model)
    adapt(model, replace(kept, reads=PLAIN))
    try:
        yield
    finally:
        adapt(model, kept)


def _subclass(original: type[nn.Module], adaptation: Adaptation) -> type[nn.Module]:
    prepares, reads = adaptation.prepares, adaptation.reads

    def forward(self: nn.Module, images: Tensor) -> Any:
        if adaptation.copies_images:
            images = images.clone()
        prepared = prepares(images)
        if adaptation.takes != torch.float32:
            prepared = prepared.to(adaptation.takes)
        logits = read(self, reads, lambda: original.forward(self, prepared), images)
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
