"""What the user of a network says of how it is called and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from causalxai.errors import ContractError, did_you_mean
from causalxai.network.adaptable import adaptable, is_exported
from causalxai.network.adaptation import adapt, adaptation_of, name_of
from causalxai.network.class_columns import ClassColumns, class_columns
from causalxai.network.preparation import AS_THEY_ARE, Numbers, Preparation, preparation
from causalxai.network.reading import OUTPUTS, PLAIN, Output, Reading


@dataclass(frozen=True)
class Adapter:
    """What is done to images in [0, 1] before a network gets them, and what its answers are.

    Parameters
    ----------
    prepares
        What is done to the images.
    reads
        Where the outputs are, what they are, and which of them are the classes.
    """

    prepares: Preparation = AS_THEY_ARE
    reads: Reading = PLAIN

    def parts(self) -> tuple[object, ...]:
        """Return what the user has set, as plain values and functions, for a digest."""
        before, after = self.prepares, self.reads
        return (
            *(before.scale, before.mean, before.std, before.function),
            *(after.answer, after.output, after.classes),
        )


def placed(model: nn.Module, given: Adapter, device: torch.device) -> nn.Module:
    """Put a network on a device and into evaluation mode, freeze it, and let it prepare its images.

    Parameters
    ----------
    model
        The network.
    given
        What is done to the images; what it says of the outputs is not looked at.
    device
        The device.

    Returns
    -------
    nn.Module
        The network; one of TorchScript is wrapped.

    Raises
    ------
    ContractError
        If the network has lazy layers without weights, cannot be put into evaluation mode, or has
        another adapter already.
    """
    refuse_unbuilt(model)
    try:
        model = model.to(device)
        model = model if is_exported(model) else model.eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
    except Exception as error:
        # The network may be the user's own code, which may raise any exception.
        raise ContractError(
            f"{name_of(model)} cannot be put into evaluation mode on {device}: "
            f"{type(error).__name__}: {error}"
        ) from error
    model = adaptable(model)
    before = adaptation_of(model)
    if given != Adapter() and (before.prepares, before.reads) != (AS_THEY_ARE, PLAIN):
        raise ContractError(
            f"{name_of(model)} is adapted already, as the network of a classifier is: give your "
            "own network, or no settings"
        )
    if given.prepares != AS_THEY_ARE:
        adapt(model, replace(before, prepares=given.prepares))
    return model


def refuse_unbuilt(model: nn.Module) -> None:
    """Raise ContractError if a lazy layer has no weights yet; the message names it."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    unbuilt = [name for name, tensor in tensors if is_lazy(tensor)]
    if unbuilt:
        raise ContractError(
            f"{type(model).__name__} has lazy layers without weights ({unbuilt[0]}), which the "
            "first call would draw at random: call it once on an image and load its weights first"
        )


def adapter(
    model: nn.Module,
    class_names: Sequence[str],
    *,
    mean: Numbers = None,
    std: Numbers = None,
    scale: float | None = None,
    preprocess: object = None,
    output: Output = "logits",
    answer: str | int | None = None,
    classes: ClassColumns = None,
) -> Adapter:
    """Return the adapter of a network, from the settings of ``Classifier``.

    Raises
    ------
    ContractError
        If a setting cannot be right; the message says which and why.
    """
    if output not in OUTPUTS:
        raise ContractError(
            f"output must be one of {', '.join(OUTPUTS)}, not {output!r}"
            f"{did_you_mean(str(output), OUTPUTS)}"
        )
    if answer is not None and not isinstance(answer, str | int):
        raise ContractError(f"answer must be an attribute, a key or an index, not {answer!r}")
    return Adapter(
        preparation(model, mean=mean, std=std, scale=scale, preprocess=preprocess),
        Reading(answer, output, class_columns(classes, class_names)),
    )
