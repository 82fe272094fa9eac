"""A network of the user that encodes images and decodes latents, with its answers checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from causalxai.errors import DataError
from causalxai.image_data.lazy import Images
from causalxai.network.copying import copied
from causalxai.network.working_memory import bytes_at_widest

_AT_ONCE = 64
_TOLERATED = 0.25
_NEEDED = ("encode", "decode")


@dataclass(frozen=True)
class Codes:
    """What a generator makes of images.

    Parameters
    ----------
    latents
        ``[n, L]``, in which directions are learned and which interventions change.
    kept
        What else is decoded and no intervention changes, each ``[n, ...]``.
    """

    latents: Tensor
    kept: tuple[Tensor, ...] = ()


class Generator:
    """A copy of the user's network, in evaluation mode and without gradients.

    Parameters
    ----------
    network
        Has ``encode``, which maps images ``[n, c, h, w]`` in [0, 1] to latents ``[n, ...]``, or to
        latents and further tensors ``[n, ...]``, as a diffusion autoencoder does; and ``decode``,
        which takes all these and returns images. Both answer for each image alone.
    image_shape
        Channels, height and width.
    device
        Where the copy computes.

    Raises
    ------
    DataError
        If it lacks one of the methods, or they return something else.
    """

    def __init__(
        self, network: nn.Module, image_shape: tuple[int, int, int], device: torch.device
    ) -> None:
        self._name = type(network).__name__
        for method in _NEEDED:
            if not callable(getattr(network, method, None)):
                raise DataError(
                    f"{self._name} has no method {method}: a generator is a torch.nn.Module with "
                    "encode(images), which returns latents, and decode(latents), which returns "
                    "images"
                )
        self.network = copied(network).to(device).eval().requires_grad_(False)
        self._image_shape, self._device = tuple(image_shape), device
        self._latent_shape: tuple[int, ...] = (0,)
        probes = torch.linspace(0, 1, 2)[:, None, None, None].expand(2, *image_shape)
        latents, *kept = self._encoded(probes)
        self._latent_shape = tuple(latents.shape[1:])
        self._decoded(latents.flatten(1), kept)

    @property
    def latents(self) -> int:
        """The number of latents of an image."""
        return math.prod(self._latent_shape)

    def bytes_of_a_picture(self) -> float:
        """Return the bytes that decoding takes for each picture."""
        probe = torch.zeros(1, *self._image_shape, device=self._device)
        with torch.no_grad():
            latents, *kept = self._encoded(probe)
        return bytes_at_widest(_Decoding(self.network, kept), latents)

    @torch.no_grad()
    def encode(self, images: Images) -> Codes:
        """Return the codes of images ``[n, c, h, w]``."""
        parts = [
            self._encoded(images[start : start + _AT_ONCE])
            for start in range(0, len(images), _AT_ONCE)
        ]
        latents, *kept = (torch.cat(part) for part in zip(*parts, strict=True))
        return Codes(latents.flatten(1).float(), tuple(kept))

    @torch.no_grad()
    def decode(self, codes: Codes) -> Tensor:
        """Return the images of codes, ``[n, c, h, w]`` in [0, 1]."""
        parts = [
            self._decoded(
                codes.latents[start : start + _AT_ONCE],
                [kept[start : start + _AT_ONCE] for kept in codes.kept],
            )
            for start in range(0, len(codes.latents), _AT_ONCE)
        ]
        return torch.cat(parts).clamp(0, 1)

    def require_range(self, images: Tensor) -> None:
        """Check on images of the data set that ``decode`` returns values in [0, 1], or nearly.

        Raises
        ------
        DataError
            If it does not.
        """
        with torch.no_grad():
            latents, *kept = self._encoded(images)
            pictures = self._decoded(latents.flatten(1), kept)
        low, high = float(pictures.min()), float(pictures.max())
        if low < -_TOLERATED or high > 1 + _TOLERATED:
            raise DataError(
                f"{self._name}.decode should return images in [0, 1], as those that encode gets, "
                f"but returns values from {low:.3g} to {high:.3g}; scale them in decode, and the "
                "other way in encode"
            )

    def _encoded(self, images: Tensor) -> list[Tensor]:
        answer: Any = self.network.encode(images.to(self._device))  # type: ignore[operator]
        parts = list(answer) if isinstance(answer, tuple | list) else [answer]
        for part in parts or [None]:
            if not isinstance(part, Tensor) or part.dim() < 1 or len(part) != len(images):
                raise DataError(
                    f"{self._name}.encode should return a tensor with one row for each of "
                    f"{len(images)} images, or a tuple of such tensors, not {_described(answer)}"
                )
        latents = parts[0]
        if not latents.is_floating_point() or latents.dim() < 2:
            raise DataError(
                f"{self._name}.encode should return latents [n, ...] of floats, not "
                f"{_described(latents)}"
            )
        if not bool(torch.isfinite(latents).all()):
            raise DataError(f"{self._name}.encode returns latents that are not finite")
        return parts

    def _decoded(self, latents: Tensor, kept: Sequence[Tensor]) -> Tensor:
        shaped = latents.reshape(len(latents), *self._latent_shape)
        pictures: Any = self.network.decode(shaped, *kept)  # type: ignore[operator]
        wanted = [len(latents), *self._image_shape]
        if not isinstance(pictures, Tensor) or list(pictures.shape) != wanted:
            raise DataError(
                f"{self._name}.decode should return images {wanted}, not {_described(pictures)}"
            )
        if not bool(torch.isfinite(pictures).all()):
            raise DataError(f"{self._name}.decode returns values that are not finite")
        return pictures.float()


class _Decoding(nn.Module):
    """A generator as a network of its latents, for the measurement of memory."""

    def __init__(self, network: nn.Module, kept: Sequence[Tensor]) -> None:
        super().__init__()
        self.network, self._kept = network, kept

    def forward(self, latents: Tensor) -> Tensor:
        pictures: Tensor = self.network.decode(latents, *self._kept)  # type: ignore[operator]
        return pictures


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} {list(value.shape)}".replace("torch.", "")
    if isinstance(value, tuple | list):
        return f"{type(value).__name__} of {', '.join(map(_described, value)) or 'nothing'}"
    return f"a {type(value).__name__}"
