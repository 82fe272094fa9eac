"""The adversary of the twin's generator."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai_glance.twin.generator import SLOPE, resolutions, width


class _ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, at half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = _conv(inputs, inputs, 3)
        self.second = _conv(inputs, outputs, 3)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # Pooling comes before the second convolution: a quarter of the work.
        y = F.avg_pool2d(F.leaky_relu(self.first(x), SLOPE), 2)
        y = F.leaky_relu(self.second(y), SLOPE)
        shortcut: Tensor = self.shortcut(F.avg_pool2d(x, 2))
        return (y + shortcut) / math.sqrt(2)


class Discriminator(nn.Module):
    """Tells pictures of the data from pictures of the twin.

    Without StyleGAN2's minibatch standard deviation: it guards against a generator that ignores
    its noise, which reconstruction already forbids here, and it would make the logit of a picture
    depend on its batch.

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
        If there is no generator for pictures of that shape either.

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
        """Return how real pictures look.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1].

        Returns
        -------
        Tensor
            ``[n]``, logits; above 0 for real.
        """
        x = F.leaky_relu(self.from_image(2 * images - 1), SLOPE)
        # In this layout a CPU needs less time; see the generator.
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        x = F.leaky_relu(self.last(x), SLOPE)
        x = F.leaky_relu(self.dense(x.flatten(1)), SLOPE)
        logits: Tensor = self.logit(x)
        return logits[:, 0]


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(conv.weight, SLOPE)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
