"""What a user gives together with a network, checked before the network is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from causalxai.errors import CapabilityError, ContractError, did_you_mean
from causalxai.network.adaptation import inside_wrappers
from causalxai.network.layer_names import require_layers_named


def require_network(model: object) -> None:
    """Raise ContractError unless something is a network; the message says how to make it one."""
    if isinstance(model, nn.Module):
        return
    if isinstance(model, type):
        remedy = f"; give an instance, as {model.__name__}()"
    elif isinstance(model, str | Mapping):
        remedy = "; build the network and load its weights, as in network.load_state_dict(weights)"
    elif callable(model) or hasattr(model, "predict"):
        remedy = "; call it in the forward() of a torch.nn.Module of your own"
    else:
        remedy = ""
    kind = model.__name__ if isinstance(model, type) else f"a {type(model).__name__}"
    raise ContractError(f"the model must be a torch.nn.Module, not {kind}{remedy}")


def plain_names(class_names: object) -> tuple[str, ...]:
    """Return the names of classes as texts.

    Raises
    ------
    ContractError
        If there are none, a name occurs twice, or their order is not known.
    """
    if isinstance(class_names, Mapping | set | frozenset):
        raise ContractError(
            f"class_names must be a list in the order of the outputs, not a "
            f"{type(class_names).__name__}"
        )
    if not isinstance(class_names, Iterable) or not (names := tuple(map(str, class_names))):
        raise ContractError(
            "class_names must have a name for each class, in the order of the outputs, such as "
            f"['cat', 'dog'], not {class_names!r}"
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ContractError(f"class_names must be unique; {twice[0]!r} occurs more than once")
    return names


def plain_shape(image_shape: Any) -> tuple[int, int, int]:
    """Return channels, height and width; ContractError if they are not three positive numbers."""
    sizes = image_shape if isinstance(image_shape, Iterable) else ()
    plain = tuple(sizes)
    is_sound = all(isinstance(size, Integral) and int(size) > 0 for size in plain)
    if len(plain) != 3 or not is_sound:
        raise ContractError(
            "image_shape must be (channels, height, width), such as (3, 224, 224), not "
            f"{image_shape!r}"
        )
    channels, height, width = map(int, plain)
    return channels, height, width


def plain_device(device: torch.device | str) -> torch.device:
    """Return a device; ContractError if there is none of the name, or it computes nothing."""
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        near = did_you_mean("cuda" if device == "gpu" else str(device), ("cpu", "cuda", "mps"))
        raise ContractError(f"device must be cpu, cuda, cuda:N or mps, not {device!r}{near}") from (
            error
        )
    if found.type == "meta":
        raise ContractError("the device 'meta' holds no numbers; give cpu, cuda or mps")
    return found


def require_feature_layer(layer: str | None, model: nn.Module) -> None:
    """Raise CapabilityError unless a network has the layer that is said to be its last hidden."""
    if layer is not None:
        require_layers_named([layer], inside_wrappers(model), "feature_layer")


def require_images(images: Any) -> None:
    """Raise CapabilityError unless something is images ``[n, c, h, w]`` of floats."""
    if not hasattr(images, "image_shape") and not isinstance(images, Tensor):
        raise CapabilityError(
            f"images must be a tensor [n, c, h, w] in [0, 1], not a {type(images).__name__}"
        )
    if len(images.shape) != 4:
        one = "; of one image take image[None]" if len(images.shape) == 3 else ""
        raise CapabilityError(f"images must be [n, c, h, w], not {list(images.shape)}{one}")
    if isinstance(images, Tensor) and not images.is_floating_point():
        raise CapabilityError(f"images must be floats in [0, 1], not {images.dtype}")
