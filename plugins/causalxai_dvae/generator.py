"""The generator g, which renders a picture from a hidden layer."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.image_data.lazy import Images, batches, mean_image, rows_at_once
from causalxai.plugin import PluginConfig

_GROUPS = 4
_FIRST_SIDE = 7
_NARROWEST = 16
_DARKEST = 0.01
_RIDGE = 0.01


class GeneratorConfig(PluginConfig):
    """Settings of a generator's size and training.

    Parameters
    ----------
    channels
        The number of channels at the lowest resolution, halved with each doubling of the side, down
        to 16.
    steps
        Steps of the optimizer; 0 leaves the initial, linear picture.
    batch_size
        The number of images in a step.
    learning_rate
        Adam's learning rate, which falls linearly over the second half of the steps.
    information
        lambda of equation 6: the weight of the inverse of the information that the generator shares
        with the classifier, as a multiple of its first value. The other term is the cross entropy
        per pixel in nats. 0 leaves the information out; with a large weight, pictures lose their
        content.
    similarity
        ``dot``, as in equation 6, which also grows if the generator depends more on all units
        alike; or ``cosine``, our alternative, which depends only on the directions.
    information_every
        The information is computed once in this number of steps, with a weight that is larger by
        this factor.
    information_images
        The number of images of a batch for which the information is computed.
    """

    channels: int = Field(64, ge=_GROUPS, le=1024, multiple_of=_GROUPS)
    steps: NonNegativeInt = 600
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 3e-3
    information: NonNegativeFloat = 0.03
    similarity: Literal["dot", "cosine"] = "cosine"
    information_every: PositiveInt = 4
    information_images: PositiveInt = 16


class Generator(nn.Module):
    """Renders activations as the sum of a linear picture and the output of convolutions.

    The linear picture is a regression of images on activations, fitted before training. The other
    part starts from a small feature map, whose side is doubled between convolutions.

    Parameters
    ----------
    width
        d, the number of units of the layer.
    image_shape
        Channels, height, width; of any size.
    config
        The settings.

    Notes
    -----
    Source: *Latent space explanation by intervention*, "Visual explanation of a latent space",
    which leaves the architecture open. Activations are centred and divided by one number for all
    units, as in the discrete autoencoder.
    """

    mean: Tensor
    scale: Tensor
    base: Tensor

    def __init__(
        self, width: int, image_shape: tuple[int, int, int], config: GeneratorConfig
    ) -> None:
        super().__init__()
        self.width, self.image_shape, self.config = width, image_shape, config
        self.sizes = _sizes(image_shape[1], image_shape[2])
        widths = [max(_NARROWEST, config.channels >> level) for level in range(len(self.sizes))]
        self.channels = [min(config.channels, width) for width in widths]
        self.first = nn.Linear(width, self.channels[0] * math.prod(self.sizes[0]))
        self.blocks = nn.ModuleList(
            _Block(inputs, outputs, size)
            for inputs, outputs, size in zip(
                self.channels, self.channels[1:], self.sizes[1:], strict=False
            )
        )
        self.last = nn.Conv2d(self.channels[-1], image_shape[0], 3, padding=1, bias=False)
        self.linear = nn.Linear(width, math.prod(image_shape), bias=False)
        nn.init.zeros_(self.linear.weight)
        # Initially, the convolutions add nothing.
        nn.init.zeros_(self.last.weight)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("base", torch.zeros(image_shape))

    @torch.no_grad()
    def begin_at(self, activations: Tensor, images: Images) -> None:
        """Set the units' mean, the common scale, and the initial linear picture, in batches.

        Parameters
        ----------
        activations
            ``[n, d]``; if they do not vary, the scale is left as it is.
        images
            ``[n, c, h, w]`` in [0, 1].
        """
        self.mean.copy_(activations.mean(dim=0))
        scale = (activations - self.mean).square().mean().sqrt()
        if scale > 0:
            self.scale.copy_(scale)
        mean = mean_image(images).cpu()
        self.base.copy_(torch.logit(mean, eps=_DARKEST))
        # Computed on the CPU because some accelerators have no double precision.
        inputs = ((activations - self.mean) / self.scale).cpu().double()
        slopes = _ridge(inputs, images, mean)
        # The slope of the logistic function converts changes of grey levels into changes of logits.
        steepness = (mean * (1 - mean)).clamp(min=_DARKEST).flatten()
        self.linear.weight.copy_(slopes.div_(steepness).T)

    def forward(self, activations: Tensor) -> Tensor:
        """Return the logits ``[n, c, h, w]`` of pixels for ``[n, d]``."""
        standardised = (activations - self.mean) / self.scale
        linear = self.linear(standardised).view(-1, *self.image_shape)
        x = F.relu(self.first(standardised)).view(-1, self.channels[0], *self.sizes[0])
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.base + linear + self.last(x)
        return logits

    def paint(self, activations: Tensor) -> Tensor:
        """Return pictures ``[n, c, h, w]`` in [0, 1] for ``[n, d]``, differentiably."""
        return torch.sigmoid(self.forward(activations))


class _Block(nn.Module):
    """A 3 x 3 convolution, group normalisation and ReLU, followed by upsampling.

    Upsampling last takes a quarter of the computation.
    """

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(_GROUPS, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[n, inputs, ...]`` to ``[n, outputs, *size]``."""
        x = F.relu(self.norm(self.conv(x)))
        return F.interpolate(x, size=self.size, mode="bilinear")


def _ridge(inputs: Tensor, images: Images, mean: Tensor) -> Tensor:
    """Return the slopes ``[d, p]`` of the pixels of images, less their mean, on inputs ``[n, d]``.

    Of the images, only a batch at a time is converted to double precision.
    """
    n, d = inputs.shape
    penalty = _RIDGE * n * torch.eye(min(n, d), dtype=inputs.dtype)
    # Both are the same matrix; the smaller system is solved.
    if d <= n:
        solution = torch.linalg.solve(inputs.T @ inputs + penalty, inputs.T)
    else:
        solution = torch.linalg.solve(inputs @ inputs.T + penalty, inputs).T
    slopes = torch.zeros(d, mean.numel(), dtype=inputs.dtype)
    size = rows_at_once(images)
    for columns, some in zip(solution.split(size, dim=1), batches(images, size), strict=True):
        slopes.addmm_(columns, (some.cpu() - mean).flatten(1).double())
    return slopes


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the maps' sizes, from the smallest: each side is half the next, rounded up."""
    sizes = [(height, width)]
    while max(sizes[0]) > _FIRST_SIDE:
        sizes.insert(0, (math.ceil(sizes[0][0] / 2), math.ceil(sizes[0][1] / 2)))
    return sizes
