"""Whether the outputs of a network are what its user says that they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from causalxai.errors import ContractError
from causalxai.network.reading import LOGITS, Reading, find_answer, require_answer

_SHARES = 1e-2
"""The largest error of a sum of probabilities."""
_ALIKE = 1e-3
"""The largest error of the logarithm of a probability that a layer's output explains."""
_LEAST = 1e-30
"""Smaller probabilities are too close to the smallest number to be compared."""
_LEAST_OF_TWO = 1e-4
"""A probability of two classes that is closer to 0 or 1 has too coarse a logit to be compared."""

_logger = logging.getLogger(__name__)


def checked_reading(
    returned: Any, stated: Reading, classes: int, name: str, shape: tuple[int, ...]
) -> Reading:
    """Return how the logits are read from what a network returned for one image.

    Parameters
    ----------
    returned
        What it returned.
    stated
        What its user says of it.
    classes
        The number of class names.
    name
        The network's name, for messages.
    shape
        The shape of an image.

    Raises
    ------
    ContractError
        If there are no such numbers, or not as many as there are classes; the message says how the
        others can be described.
    """
    takes = f"{name} must map [n, {', '.join(map(str, shape))}] to {stated.output}"
    wanted = "[n] or [n, 1]" if stated.is_binary else f"[n, {classes}]"
    takes = f"{takes} {wanted}"
    if stated.answer is not None:
        require_answer(returned, stated.answer, name)
        found = stated
    else:
        found = replace(stated, answer=find_answer(returned, takes))
    values = found.values(returned)
    if not values.is_floating_point():
        raise ContractError(f"{name} must return logits, not numbers of {values.dtype}")
    if found.is_binary:
        return _checked_binary(found, values, classes, takes)
    if values.dim() < 2 or len(values) != 1 or values[0].numel() != values.shape[1]:
        raise ContractError(f"{takes}; one image gives {list(values.shape)}")
    _require_number(
        found, values.shape[1], classes, f"{takes}; one image gives {list(values.shape)}"
    )
    return replace(found, is_flat=values.dim() == 2)


def _checked_binary(found: Reading, values: Tensor, classes: int, takes: str) -> Reading:
    if classes != 2:
        raise ContractError(
            f"a network with a {found.output} has two classes, but there are {classes} class names"
        )
    if found.classes is not None:
        raise ContractError(
            f"a network with a {found.output} has no other outputs: leave out classes"
        )
    if values.numel() != 1 or values.dim() == 0:
        raise ContractError(f"{takes}; one image gives {list(values.shape)}")
    return found


def _require_number(found: Reading, width: int, classes: int, gives: str) -> None:
    if found.classes is not None:
        if max(found.classes) >= width:
            raise ContractError(
                f"classes names output {max(found.classes)}, but there are {width}, which are "
                "counted from 0"
            )
        return
    if width == classes:
        return
    remedy = ""
    if width == 1 and classes == 2:
        remedy = (
            "; if its only output is the logit or the probability of the second class, say "
            'output="binary-logit" or output="binary-probability"'
        )
    elif width > classes:
        remedy = (
            f"; say with classes= which of the {width} outputs each of the {classes} class names "
            "is: their numbers, a mapping of names to numbers, or a file with the names of all"
        )
    raise ContractError(gives + remedy)


def refuse_values(values: Tensor, reading: Reading, name: str) -> None:
    """Raise ContractError if outputs cannot be what they are said to be.

    Parameters
    ----------
    values
        ``[n, ...]``, the outputs of ``n`` pictures, as they are before logits are made of them.
    reading
        What they are said to be.
    name
        The network's name, for the message.
    """
    flat = values.detach().to(torch.float32).reshape(len(values), -1)
    {
        "logits": _refuse_logits,
        "probabilities": _refuse_probabilities,
        "log-probabilities": _refuse_log_probabilities,
        "binary-logit": _refuse_binary_logit,
        "binary-probability": _refuse_binary_probability,
    }[reading.output](flat, name)


def _refuse_logits(values: Tensor, name: str) -> None:
    if values.shape[1] == 1:
        return
    is_positive = bool((values >= 0).all())
    if is_positive and _sum_to_one(values):
        raise ContractError(
            f"{name} returns probabilities: its outputs are never negative and their sum is 1; "
            'say output="probabilities", or return logits, which go into the softmax'
        )
    if is_positive and bool((values <= 1).all()):
        _logger.warning(
            "all outputs of %s for %d pictures lie between 0 and 1; if they are probabilities, "
            "return the logits", name, len(values),
        )  # fmt: skip


def _refuse_probabilities(values: Tensor, name: str) -> None:
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1 + _SHARES:
        raise ContractError(
            f"{name} does not return probabilities: its outputs lie between {low:.3g} and "
            f'{high:.3g}; if they are logits, say output="logits"'
        )
    if not _sum_to_one(values):
        raise ContractError(
            f"{name} does not return the probabilities of classes of which one is true: their "
            f"sums lie between {_range(values.sum(dim=1))}; if each output is a sigmoid of its "
            'own, return what goes into the sigmoids and say output="logits"'
        )


def _refuse_log_probabilities(values: Tensor, name: str) -> None:
    if float(values.max()) > _SHARES or not _sum_to_one(values.exp()):
        raise ContractError(
            f"{name} does not return log-probabilities: the sums of their exponentials lie "
            f"between {_range(values.exp().sum(dim=1))} and not at 1; if they are logits, say "
            'output="logits"; if they are probabilities, output="probabilities"'
        )


def _refuse_binary_logit(values: Tensor, name: str) -> None:
    if bool((values >= 0).all()) and bool((values <= 1).all()):
        _logger.warning(
            "the output of %s lies between 0 and 1 for all of %d pictures; if it is a "
            'probability, say output="binary-probability"', name, len(values),
        )  # fmt: skip


def _refuse_binary_probability(values: Tensor, name: str) -> None:
    if float(values.min()) < 0 or float(values.max()) > 1:
        raise ContractError(
            f"{name} does not return a probability: its output lies between {_range(values)} for "
            f'{len(values)} pictures; if it is a logit, say output="binary-logit"'
        )


def _sum_to_one(values: Tensor) -> bool:
    return bool(((values.sum(dim=1) - 1).abs() <= _SHARES).all())


def _range(values: Tensor) -> str:
    return f"{float(values.min()):.3g} and {float(values.max()):.3g}"


@torch.no_grad()
def layer_before_end(model: nn.Module, images: Tensor, reading: Reading) -> str:
    """Return the layer whose output goes into the softmax or sigmoid at the end of a network.

    It is the first layer of whose output the network's probabilities are the softmax, or the
    sigmoid, as tried on some pictures.

    Parameters
    ----------
    model
        The network, which returns its own answers.
    images
        ``[n, c, h, w]``, pictures that differ from one another.
    reading
        What the answers are.

    Returns
    -------
    str
        The layer's name; empty if there is none or the network gives no probabilities.
    """
    if reading.output in LOGITS:
        return ""
    calls: list[tuple[str, Tensor]] = []
    with _recording(model, calls):
        returned = model(images)
    expected = _log_probabilities(reading.values(returned), reading)
    names = [name for name, _ in calls]
    for name, output in calls:
        fits = output.dim() > 0 and output[:1].numel() * len(images) == output.numel()
        if not fits or output.numel() != expected.numel() or names.count(name) > 1:
            continue
        if _explains(output.reshape(expected.shape), expected, reading):
            return name
    return ""


def layer_explains(logits: Tensor, values: Tensor, reading: Reading) -> bool:
    """Return whether the logits of a layer have the probabilities that the network gives.

    Parameters
    ----------
    logits
        ``[n, K]``, read from the layer.
    values
        ``[n, ...]``, what the network gives for the same images.
    reading
        How the logits were read.
    """
    others = replace(reading, layer="").logits(values).to(torch.float32).log_softmax(dim=1)
    own = logits.to(torch.float32).log_softmax(dim=1)
    least = torch.tensor(_LEAST_OF_TWO if reading.is_binary else _LEAST).log()
    compared = torch.minimum(own, others) > least
    allowed = _ALIKE * (1 + others.abs())
    return bool(((own - others).abs() <= allowed)[compared].all())


@contextmanager
def _recording(model: nn.Module, calls: list[tuple[str, Tensor]]) -> Iterator[None]:
    def recorder(name: str) -> Any:
        def record(_layer: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.is_floating_point():
                # A copy, because the network may change the output in place afterwards.
                calls.append((name, output.detach().to(torch.float32, copy=True)))

        return record

    layers = [
        (name, layer)
        for name, layer in model.named_modules()
        # TorchScript runs no hooks.
        if name and not isinstance(layer, torch.jit.ScriptModule)
    ]
    handles = [layer.register_forward_hook(recorder(name)) for name, layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _log_probabilities(values: Tensor, reading: Reading) -> Tensor:
    """Return log-probabilities ``[n, R]``; of the probability of one of two classes, its logit."""
    flat = values.detach().to(torch.float32).reshape(len(values), -1)
    if reading.output == "log-probabilities":
        return flat
    return flat.logit() if reading.is_binary else flat.log()


def _explains(output: Tensor, expected: Tensor, reading: Reading) -> bool:
    own = output if reading.is_binary else output.log_softmax(dim=1)
    chance = expected.sigmoid() if reading.is_binary else expected.exp()
    least, most = (_LEAST_OF_TWO, 1 - _LEAST_OF_TWO) if reading.is_binary else (_LEAST, torch.inf)
    compared = (chance > least) & (chance < most)
    if int(compared.sum()) < expected.numel() / 2:
        return False
    apart = (own - expected).abs()[compared]
    if bool((output == expected).all()) and reading.output == "log-probabilities":
        # The log-softmax itself.
        return False
    return bool((apart <= _ALIKE * (1 + expected.abs()[compared])).all())
