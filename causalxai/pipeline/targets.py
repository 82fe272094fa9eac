"""The classes that are explained, as the user asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.dataset import class_index
from causalxai.errors import CapabilityError

PREDICTED, LABEL = "predicted", "label"
"""What a spec writes for the class that the network predicts, and for that of the image's label."""


def target_of(
    target: object, images: Tensor, classifier: Classifier, setting: str = "target"
) -> Tensor:
    """Return the class that is explained for each image, ``[n]``.

    Parameters
    ----------
    target
        A class's index or name, one for each image, or ``None`` for the predicted classes.
    images
        ``[n, c, h, w]``.
    classifier
        The classifier.
    setting
        The setting that contains the target, for messages.

    Raises
    ------
    CapabilityError
        If there is no such class, or there is not one for each image.
    """
    if target is None:
        return classifier.predict(images).cpu()
    found = class_indices(target, classifier.class_names, setting)
    if found.shape not in ((), (len(images),)):
        raise _no_target(target, f"or {len(images)} of them, one for each image", setting)
    return found.expand(len(images)).clone()


def class_indices(target: object, class_names: Sequence[str], setting: str) -> Tensor:
    """Return the indices of classes that are given by index or name, ``[]`` or ``[n]``.

    Raises
    ------
    CapabilityError
        If there is no such class; the message names the setting.
    """
    values: Any = target.tolist() if hasattr(target, "tolist") else target
    is_single = isinstance(values, str) or not isinstance(values, Sequence)
    indices = []
    for value in [values] if is_single else values:
        if isinstance(value, str):
            value = class_index(value, class_names, setting)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _no_target(target, "or one for each image", setting)
        if not 0 <= value < len(class_names):
            raise _no_target(target, f"from 0 to {len(class_names) - 1}", setting)
        indices.append(value)
    return torch.tensor(indices[0] if is_single else indices, dtype=torch.int64)


def _no_target(target: object, more: str, setting: str) -> CapabilityError:
    error = CapabilityError(f"{setting}: should be a class's index or name, {more}, not {target!r}")
    error.setting = setting
    return error
