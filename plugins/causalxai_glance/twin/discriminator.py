"""The discriminator, the adversary of the twin's generator."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from causalxai_glance.twin.generator import SLOPE, resolutions, width
from causalxai_glance.twin.halving import halved


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

    Raises
    ------
    CapabilityError
        If images of that shape cannot be generated.

    Notes
    -----
    Source: Karras et al. 2020 (residual discriminator).
    """

    def __init__(self, image_shape: tuple[int, int, int], *, channels: int = 64) -> None:
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

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images being real.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1].

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
        logits: Tensor = self.logit(x)
        return logits[:, 0]

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
