"""The networks of a conditional variational autoencoder of images, given their concepts."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.errors import CapabilityError

_HIDDEN = 128
_STYLE = 64
_GROUPS = 4
_BRIGHT = 3.0
_MULTIPLE = 4
_SMALLEST = 8


def require_size(image_shape: tuple[int, int, int]) -> None:
    """Raise CapabilityError if images cannot be halved twice."""
    _, height, width = image_shape
    if height % _MULTIPLE or width % _MULTIPLE or min(height, width) < _SMALLEST:
        raise CapabilityError(
            f"scm-vae halves images twice, so that both sides have to be multiples of 4 from 8 on, "
            f"not {height} x {width}; resize the images"
        )


class ConditionalVae(nn.Module):
    """A code of what an image's concepts do not tell, and the image of both.

    All layers work on images of half the size or less, which takes a quarter of the time. The
    concepts reach the decoder's layers directly, by scales and offsets of their normalised channels
    [1]_. A picture is the product of a shape, with a value for each pixel, and of a brightness for
    each colour channel. Without the second factor, a darker picture would need other logits at each
    pixel, and a decoder that only lowers all logits makes a stroke thinner as well.

    Parameters
    ----------
    image_shape
        Channels, height and width.
    concepts
        ``k``, how many there are.
    code
        The number of residual latents.
    width
        The number of channels at half the size.

    References
    ----------
    .. [1] Perez, Strub, de Vries, Dumoulin, Courville, "FiLM: Visual reasoning with a general
       conditioning layer", AAAI 2018.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], concepts: int, code: int, width: int
    ) -> None:
        super().__init__()
        channels, height, breadth = image_shape
        self._small = (2 * width, height // _MULTIPLE, breadth // _MULTIPLE)
        features = 2 * width * (height // _MULTIPLE) * (breadth // _MULTIPLE)
        self.seen = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * channels, width, 3, padding=1),
            _norm(width),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            _norm(2 * width),
            nn.SiLU(),
            nn.Flatten(),
        )
        self.coded = nn.Sequential(
            nn.Linear(features + concepts, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, 2 * code)
        )
        given = code + concepts
        self.first = nn.Sequential(
            nn.Linear(given, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, features)
        )
        self.norms = nn.ModuleList([_norm(2 * width), _norm(width)])
        self.styles = nn.ModuleList([_style(given, 2 * width), _style(given, width)])
        self.small = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.large = nn.Conv2d(width, 4 * channels, 3, padding=1)
        self.brightness = _brightness(given, channels)

    def encode(self, images: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance ``[n, code]`` of the residual code."""
        mean, log_variance = self.coded(torch.cat([self.seen(images), concepts], 1)).chunk(2, 1)
        return mean, log_variance

    def decode(self, code: Tensor, concepts: Tensor) -> Tensor:
        """Return the logits of pixels, ``[n, c, h, w]``."""
        given = torch.cat([code, concepts], dim=1)
        features = self._styled(0, self.first(given).unflatten(1, self._small), given)
        features = self._styled(1, F.pixel_shuffle(self.small(features), 2), given)
        shape = F.pixel_shuffle(self.large(features), 2)
        return logits_of_product(shape, self.brightness(given)[..., None, None])

    def _styled(self, place: int, features: Tensor, given: Tensor) -> Tensor:
        scale, offset = self.styles[place](given)[..., None, None].chunk(2, dim=1)
        return F.silu(self.norms[place](features) * (1 + scale) + offset)


class ConceptReader(nn.Module):
    """Reads standardised concepts from images.

    Parameters
    ----------
    image_shape
        Channels, height and width.
    concepts
        How many there are.
    """

    def __init__(self, image_shape: tuple[int, int, int], concepts: int) -> None:
        super().__init__()
        channels, *size = image_shape
        layers: list[nn.Module] = []
        for width in (16, 32, 64):
            layers += [
                nn.Conv2d(channels, width, 3, stride=2, padding=1),
                nn.GroupNorm(_GROUPS, width),
                nn.SiLU(),
            ]
            channels, size = width, [(side + 1) // 2 for side in size]
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(channels * size[0] * size[1], _STYLE),
            nn.SiLU(),
            nn.Linear(_STYLE, concepts),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return ``[n, k]``."""
        read: Tensor = self.layers(images)
        return read


def logits_of_product(first: Tensor, second: Tensor) -> Tensor:
    """Return the logit of the product of two probabilities, given the logit of each."""
    return first + second - F.softplus(torch.logaddexp(first, second))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(_GROUPS, channels), channels)


def _brightness(given: int, channels: int) -> nn.Sequential:
    """Return what makes the logit of each colour channel's brightness, which is high at first."""
    last = nn.Linear(_STYLE, channels)
    nn.init.constant_(last.bias, _BRIGHT)
    return nn.Sequential(nn.Linear(given, _STYLE), nn.SiLU(), last)


def _style(given: int, channels: int) -> nn.Sequential:
    """Return what makes scales and offsets of channels; at first they change nothing."""
    last = nn.Linear(_STYLE, 2 * channels)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(given, _STYLE), nn.SiLU(), last)
