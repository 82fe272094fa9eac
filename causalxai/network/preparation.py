"""What is done to images, which lie in [0, 1], before a network gets them."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

from torch import Tensor, fx, nn

from causalxai.errors import ContractError

ImageFunction: TypeAlias = Callable[[Tensor], Tensor]
"""A function of a batch of images ``[n, c, h, w]``."""
Numbers: TypeAlias = float | Sequence[float] | None
"""One number for all channels, or one for each."""

OWN = "own"
"""The value of ``preprocess`` that asks for the network's own timm config."""

_LARGEST = 255.0
"""The value of a white pixel in the images for which the processors of Hugging Face are made."""
_SIZING = frozenset(
    {"Resize", "CenterCrop", "ToTensor", "PILToTensor", "ToImage", "ToDtype", "MaybeToTensor"}
    | {"ToPureTensor", "ConvertImageDtype", "MaybePILToTensor", "ResizeKeepRatio", "RGB"}
)
"""The steps of torchvision and timm that make a tensor in [0, 1] of some size."""
_UNUSUAL = ("do_flip_channel_order", "rescale_offset", "include_top")
"""Settings by which processors of Hugging Face do more than to scale and to normalise."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preparation:
    """Scales images, normalises each channel, and calls a function on them, in this order.

    Parameters
    ----------
    scale
        The number by which images are multiplied: 255 for a network that takes 0 to 255.
    mean, std
        What is subtracted from the scaled images, and by what they are divided then: one number
        for each channel, or one for all; empty for 0 and 1.
    function
        Any other function of a batch.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    function: ImageFunction | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Return what the network gets for images ``[n, c, h, w]``; differentiable."""
        if self.scale != 1:
            images = images * self.scale
        if self.mean:
            images = images - images.new_tensor(self.mean)[:, None, None]
        if self.std:
            images = images / images.new_tensor(self.std)[:, None, None]
        return images if self.function is None else _called(self.function, images)

    def require_channels(self, channels: int) -> None:
        """Raise ContractError unless there is a mean for each channel, or one for all."""
        for name, given in (("mean", self.mean), ("std", self.std)):
            if len(given) not in (0, 1, channels):
                raise ContractError(
                    f"{name} has {len(given)} numbers, but the images have {channels} channels: "
                    "give one number for each channel, or one for all"
                )

    def __str__(self) -> str:
        steps = [f"x {self.scale:g}"] if self.scale != 1 else []
        steps += [f"mean {_shown(self.mean)}"] if self.mean else []
        steps += [f"std {_shown(self.std)}"] if self.std else []
        steps += [f"preprocess {_name(self.function)}"] if self.function is not None else []
        return ", ".join(steps) or "as they are"


AS_THEY_ARE = Preparation()
"""The preparation of images for a network that takes them in [0, 1]."""


def preparation(
    model: nn.Module,
    *,
    mean: Numbers = None,
    std: Numbers = None,
    scale: float | None = None,
    preprocess: object = None,
) -> Preparation:
    """Return what is to be done to images, as the user of a network states it.

    Parameters
    ----------
    model
        The network, whose own config is read if ``preprocess`` is ``"own"``.
    mean, std, scale
        As in ``Preparation``.
    preprocess
        In their place: a function of the batch; a mapping with ``mean`` and ``std``, such as a data
        config of timm; an object with these attributes, such as a preset of torchvision's
        transforms; transforms one of which has them; an image processor of Hugging Face; or
        ``"own"``. Of all but functions, only scaling and normalisation are taken over: the images
        keep their size.

    Raises
    ------
    ContractError
        If the numbers cannot be right, both ways are used, or ``preprocess`` is something else.
    """
    has_numbers = any(given is not None for given in (mean, std, scale))
    if preprocess is None:
        if not has_numbers:
            _tell_of_own_config(model)
        return _numbers(mean, std, scale)
    if has_numbers:
        raise ContractError("give either preprocess or mean, std and scale, not both")
    if isinstance(preprocess, str):
        if preprocess != OWN:
            raise ContractError(f"preprocess must be {OWN!r} or a function, not {preprocess!r}")
        return _told(_own(model), f"by the timm config of {type(model).__name__}")
    return _of_object(preprocess)


def _of_object(preprocess: Any) -> Preparation:
    if isinstance(preprocess, Mapping):
        return _told(_of_mapping(preprocess), "by the config that was given")
    if hasattr(preprocess, "image_mean") or hasattr(preprocess, "rescale_factor"):
        return _told(_of_processor(preprocess), f"as {type(preprocess).__name__} does it")
    if (steps := getattr(preprocess, "transforms", None)) is not None and not callable(steps):
        return _told(_of_steps(list(steps)), "as the transforms do it")
    if hasattr(preprocess, "mean") and hasattr(preprocess, "std"):
        return _told(
            _numbers(preprocess.mean, preprocess.std, None),
            f"as {type(preprocess).__name__} does it",
        )
    if not callable(preprocess):
        raise ContractError(
            f"preprocess is a {type(preprocess).__name__}; it must be a function of a batch "
            "[n, c, h, w], a config with mean and std, or an image processor"
        )
    return Preparation(function=preprocess)


def _tell_of_own_config(model: nn.Module) -> None:
    if _own_config(model) is not None:
        _logger.warning(
            "%s has a timm config with mean and std, which is not used: say preprocess=%r if its "
            "images are to be normalised so", type(model).__name__, OWN,
        )  # fmt: skip


def _told(found: Preparation, how: str) -> Preparation:
    _logger.info("images are prepared %s: %s; they keep their size", how, found)
    return found


def _numbers(mean: Any, std: Any, scale: float | None) -> Preparation:
    factor = 1.0 if scale is None else _finite(scale, "scale")
    if factor <= 0:
        raise ContractError(f"scale must be positive, not {factor:g}")
    means, stds = _each(mean, "mean"), _each(std, "std")
    if any(value <= 0 for value in stds):
        raise ContractError(f"std must be positive, not {_shown(stds)}")
    if any(not 0 <= value <= factor for value in means):
        raise ContractError(
            f"mean is {_shown(means)}, but the images lie between 0 and {factor:g} when it is "
            "subtracted" + ("; for images of 0 to 255, give scale=255" if factor == 1 else "")
        )
    return Preparation(factor, means, stds)


def _each(given: Any, name: str) -> tuple[float, ...]:
    if given is None:
        return ()
    # Arrays and tensors may have the shape in which they are broadcast, [1, c, 1, 1].
    values = given.flatten().tolist() if hasattr(given, "flatten") else given
    values = [values] if isinstance(values, Real) else values
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ContractError(f"{name} must be a number, or one for each channel, not {given!r}")
    return tuple(_finite(value, name) for value in values)


def _finite(value: Any, name: str) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise ContractError(f"{name} must be a number, not {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ContractError(f"{name} must be finite, not {number}")
    return number


def _own(model: nn.Module) -> Preparation:
    found = _own_config(model)
    if found is None:
        raise ContractError(
            f"preprocess is {OWN!r}, but {type(model).__name__} has no config of its own with mean "
            "and std, as networks of timm have in pretrained_cfg: give mean and std"
        )
    if isinstance(found, Mapping):
        return _of_mapping(found)
    return _numbers(found.mean, found.std, None)


def _own_config(model: nn.Module) -> Any:
    """Return the config with mean and std that a network of timm has, or ``None``."""
    for name in ("pretrained_cfg", "default_cfg"):
        found: Any = getattr(model, name, None)
        if isinstance(found, Mapping) and "mean" in found and "std" in found:
            return found
        if hasattr(found, "mean") and hasattr(found, "std"):
            return found
    return None


def _of_mapping(found: Mapping[Any, Any]) -> Preparation:
    missing = [name for name in ("mean", "std") if name not in found]
    if missing:
        known = ", ".join(map(str, found))
        raise ContractError(f"preprocess has no {missing[0]} (there are: {known})")
    return _numbers(found["mean"], found["std"], found.get("scale"))


def _of_processor(processor: Any) -> Preparation:
    unusual = [name for name in _UNUSUAL if getattr(processor, name, False)]
    if unusual:
        raise ContractError(
            f"{type(processor).__name__} does more than to scale and to normalise "
            f"({unusual[0]}): give preprocess a function that does the same to images in [0, 1]"
        )
    scale = _LARGEST
    if getattr(processor, "do_rescale", True):
        scale *= _finite(getattr(processor, "rescale_factor", 1 / _LARGEST), "rescale_factor")
    # The factor is a rounded 1/255.
    scale = 1.0 if math.isclose(scale, 1, rel_tol=1e-6) else scale
    if not getattr(processor, "do_normalize", True):
        return _numbers(None, None, scale)
    return _numbers(processor.image_mean, processor.image_std, scale)


def _of_steps(steps: Sequence[Any]) -> Preparation:
    normalising = [step for step in steps if hasattr(step, "mean") and hasattr(step, "std")]
    others = [step for step in steps if step not in normalising]
    unknown = [type(step).__name__ for step in others if type(step).__name__ not in _SIZING]
    if unknown or len(normalising) > 1:
        raise ContractError(
            f"the transforms have {unknown[0] if unknown else 'several normalisations'}, which is "
            "not understood: give mean and std, or a function of a batch in [0, 1]"
        )
    return _numbers(normalising[0].mean, normalising[0].std, None) if normalising else Preparation()


def _called(function: ImageFunction, images: Any) -> Tensor:
    if isinstance(images, fx.Proxy):
        # Traced as one step, because it may look at the values of the images.
        traced: Any = images.tracer.create_proxy("call_function", _step(function), (images,), {})
        return traced  # type: ignore[no-any-return]
    try:
        prepared: object = function(images)
    except Exception as error:
        # The function is the user's own, which may raise any exception.
        raise ContractError(
            f"preprocess fails on a batch {list(images.shape)} of images in [0, 1]: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(prepared, Tensor) or prepared.shape[:1] != images.shape[:1]:
        got = list(prepared.shape) if isinstance(prepared, Tensor) else type(prepared).__name__
        raise ContractError(
            f"preprocess must return a tensor with one row for each image; for a batch "
            f"{list(images.shape)} it returns {got}"
        )
    return prepared


def _step(function: ImageFunction) -> ImageFunction:
    """Return the function under a name, which a traced network needs for its code."""

    def preprocess(images: Tensor) -> Tensor:
        return _called(function, images)

    return preprocess


def _shown(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def _name(function: object) -> str:
    return getattr(function, "__name__", type(function).__name__)
