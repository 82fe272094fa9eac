"""The discriminator, the adversary of the twin's generator."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai_glance.twin.generator import SLOPE, resolutions, width
from causalxai_glance.twin.halving import halved

# Concepts farther from their mean, in sds, count as this far.
_FARTHEST = 3.0


class _ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; the output has half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = _conv(inputs, inputs, 3)
        self.second = _conv(inputs, outputs, 3)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # Pooling before the second convolution takes a quarter of the computation.
        y = halved(F.leaky_relu(self.first(x), SLOPE, inplace=True))
        y = F.leaky_relu(self.second(y), SLOPE, inplace=True)
        shortcut: Tensor = self.shortcut(halved(x))
        shortcut += y
        return shortcut.mul_(1 / math.sqrt(2))


class Discriminator(nn.Module):
    """Distinguishes images of the data from images of the twin.

    With concepts, it judges whether an image is one of the data *with these concepts*. Unlike a
    fixed reader of concepts, which a generator learns to deceive, it goes on learning.

    It has no minibatch standard deviation as in StyleGAN2. That layer prevents a generator from
    ignoring its noise, which the reconstruction loss does here, and it would make the logit of an
    image depend on its batch.

    Parameters
    ----------
    image_shape
        ``(c, h, w)`` of the pictures; h = w, one of 16, 32, 64, 128, 256.
    channels
        The width at 4 x 4 and 8 x 8; it halves with each doubling of the size from there, down
        to 16.
    concepts
        k, the number of concepts by which images are judged; 0 for images alone.

    Raises
    ------
    CapabilityError
        If images of that shape cannot be generated.

    Notes
    -----
    Source: Karras et al. 2020 (residual discriminator); Miyato and Koyama, "cGANs with projection
    discriminator", ICLR 2018. For continuous concepts, the projection is of their first two powers,
    as the log ratio of two normal densities of a concept is quadratic in it.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], *, channels: int = 64, concepts: int = 0
    ) -> None:
        super().__init__()
        widths = [width(channels, size) for size in reversed(resolutions(image_shape))]
        self.from_image = _conv(image_shape[0], widths[0], 1)
        self.blocks = nn.ModuleList(
            _ResidualBlock(narrow, wide) for narrow, wide in pairwise(widths)
        )
        self.last = _conv(channels, channels, 3)
        self.dense = nn.Linear(channels * 16, channels)
        nn.init.kaiming_normal_(self.dense.weight, SLOPE)
        self.logit = nn.Linear(channels, 1)
        self.project = nn.Linear(2 * concepts, channels, bias=False) if concepts else None

    def forward(self, images: Tensor, concepts: Tensor | None = None) -> Tensor:
        """Return the logits of images being real.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1].
        concepts
            ``[n, k]``, standardised, for a discriminator of images with concepts. They have no
            gradient, so that a twin cannot read concepts to please it.

        Returns
        -------
        Tensor
            ``[n]``, logits; positive for real images.
        """
        x = self._from_image(2 * images - 1)
        for block in self.blocks:
            x = block(x)
        x = F.leaky_relu(self.last(x), SLOPE, inplace=True)
        x = F.leaky_relu(self.dense(x.flatten(1)), SLOPE)
        logits: Tensor = self.logit(x)[:, 0]
        if self.project is None or concepts is None:
            return logits
        values = concepts.detach().clamp(-_FARTHEST, _FARTHEST)
        powers = torch.cat([values, (values.square() - 1) / 2], dim=1)
        directions: Tensor = self.project(powers.to(x.dtype))
        return logits + (directions * x).sum(dim=1) / math.sqrt(x.shape[1])

    def _from_image(self, images: Tensor) -> Tensor:
        """Return the 1 x 1 convolution and its activation.

        It is computed as a matrix product, which is faster for few inputs. The result has the
        memory layout in which convolutions are faster; see the generator.
        """
        weight = self.from_image.weight[:, :, 0, 0]
        pixels = F.linear(images.permute(0, 2, 3, 1), weight, self.from_image.bias)
        return F.leaky_relu(pixels, SLOPE).permute(0, 3, 1, 2)


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(conv.weight, SLOPE)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
