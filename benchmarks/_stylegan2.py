"""A straightforward StyleGAN2, as the paper describes it and as it is often written.

Karras et al. 2020, *Analyzing and Improving the Image Quality of StyleGAN*. A modulated convolution
is a grouped convolution with weights of its own for each sample. The generator upsamples by a
transposed convolution and a blur, and sums the images of all resolutions; the discriminator is
residual, with blurs before its strided convolutions and the standard deviation of the minibatch.
Learning rates are equalised. R1 is computed in every 16th step and the path length, of half a
batch, in every 4th, as in the paper; the optimiser is PyTorch's Adam as it comes. Images are in
PyTorch's default memory layout, all numbers in single precision. The networks' widths are given, so
that they can be those of another network; the paper's are wider. Nothing is slowed down on purpose,
and nothing is done that the paper or common implementations of it do not do.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE, GAIN = 0.2, math.sqrt(2)
R1_EVERY, PATH_EVERY = 16, 4
R1_GAMMA, PATH_WEIGHT, PATH_DECAY = 10.0, 2.0, 0.01
AVERAGED = 0.998


class Linear(nn.Module):
    """A dense layer with an equalised learning rate."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.scale = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


class Conv(nn.Module):
    """A convolution with an equalised learning rate; a strided one blurs first."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, down: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.kernel, self.down = kernel, down

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.scale
        if not self.down:
            return F.conv2d(x, weight, self.bias, padding=self.kernel // 2)
        padding = self.kernel + 1
        x = blur(x, ((padding + 1) // 2, padding // 2))
        return F.conv2d(x, weight, self.bias, stride=2)


def activated(x: Tensor) -> Tensor:
    return GAIN * F.leaky_relu(x, SLOPE)


def blur(x: Tensor, padding: tuple[int, int], gain: float = 1.0) -> Tensor:
    """Filter each channel with the outer product of [1, 3, 3, 1]."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device) / 8
    kernel = (gain * line[:, None] * line).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (*padding, *padding)), kernel, groups=x.shape[1])


def doubled(image: Tensor) -> Tensor:
    """Upsample by zeros between pixels and a blur."""
    n, c, h, w = image.shape
    spread = F.pad(image.reshape(n, c, h, 1, w, 1), (0, 1, 0, 0, 0, 1))
    return blur(spread.reshape(n, c, 2 * h, 2 * w), (2, 1), gain=4)


class ModulatedConv(nn.Module):
    """Section 2.2: each sample has its own weights, in one grouped convolution."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style: int, *,
        demodulate: bool = True, up: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        self.affine = Linear(style, inputs, bias=1.0)
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.demodulate, self.up = demodulate, up

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        n, inputs, h, w = x.shape
        outputs, kernel = self.weight.shape[1], self.weight.shape[3]
        weight = self.scale * self.weight * self.affine(style).view(n, 1, inputs, 1, 1)
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.square().sum([2, 3, 4], keepdim=True) + 1e-8)
        x = x.reshape(1, n * inputs, h, w)
        if self.up:
            weight = weight.transpose(1, 2).reshape(n * inputs, outputs, kernel, kernel)
            x = F.conv_transpose2d(x, weight, stride=2, groups=n)
            x = x.view(n, outputs, 2 * h + 1, 2 * w + 1)
            return blur(x, (1, 1), gain=4)
        weight = weight.view(n * outputs, inputs, kernel, kernel)
        y = F.conv2d(x, weight, padding=kernel // 2, groups=n)
        return y.view(n, outputs, h, w)


class StyledConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, style: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, style, up=up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv(x, style)
        noise = torch.randn(len(y), 1, *y.shape[2:], device=y.device)
        return activated(y + self.strength * noise + self.bias)


class ToImage(nn.Module):
    def __init__(self, inputs: int, colours: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, colours, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(colours, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return self.conv(x, style) + self.bias


class Generator(nn.Module):
    """A mapping network and a skip generator; ``widths`` from 4 x 4 up."""

    def __init__(self, widths: list[int], colours: int, latents: int, layers: int) -> None:
        super().__init__()
        self.mapping = nn.ModuleList(Linear(latents, latents) for _ in range(layers))
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.first = StyledConv(widths[0], widths[0], latents)
        self.to_image = ToImage(widths[0], colours, latents)
        self.ups = nn.ModuleList(StyledConv(a, b, latents, up=True) for a, b in pairwise(widths))
        self.convs = nn.ModuleList(StyledConv(b, b, latents) for b in widths[1:])
        self.to_images = nn.ModuleList(ToImage(b, colours, latents) for b in widths[1:])

    def styles(self, z: Tensor) -> Tensor:
        z = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            z = activated(layer(z))
        return z

    def forward(self, styles: Tensor) -> Tensor:
        x = self.first(self.constant.repeat(len(styles), 1, 1, 1), styles)
        image: Tensor = self.to_image(x, styles)
        for up, conv, to_image in zip(self.ups, self.convs, self.to_images, strict=True):
            x = conv(up(x, styles), styles)
            image = to_image(x, styles) + doubled(image)
        return image


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Conv(inputs, inputs, 3)
        self.second = Conv(inputs, outputs, 3, down=True)
        self.skip = Conv(inputs, outputs, 1, down=True)

    def forward(self, x: Tensor) -> Tensor:
        y = activated(self.second(activated(self.first(x))))
        return (y + self.skip(x)) / math.sqrt(2)


class Discriminator(nn.Module):
    """A residual discriminator; ``widths`` from the full resolution down to 4 x 4."""

    def __init__(self, widths: list[int], colours: int) -> None:
        super().__init__()
        last = widths[-1]
        self.from_image = Conv(colours, widths[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(a, b) for a, b in pairwise(widths))
        self.last = Conv(last + 1, last, 3)
        self.dense, self.logit = Linear(last * 16, last), Linear(last, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = activated(self.from_image(images))
        for block in self.blocks:
            x = block(x)
        groups = x.view(4, -1, *x.shape[1:])
        spread = (groups.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3), keepdim=True)
        x = torch.cat([x, spread.repeat(4, 1, *x.shape[2:])], dim=1)
        x = activated(self.last(x))
        logits: Tensor = self.logit(activated(self.dense(x.flatten(1))))
        return logits


class StyleGan2:
    """Its training, one step of both networks at a time."""

    def __init__(
        self, widths: list[int], judges: list[int], images: Tensor, *, latents: int, layers: int
    ) -> None:
        self.images, self.latents = images, latents
        colours = images.shape[1]
        self.generator = Generator(widths, colours, latents, layers).to(images.device)
        self.discriminator = Discriminator(judges, colours).to(images.device)
        self.average = copy.deepcopy(self.generator)
        self.mean_length = torch.zeros((), device=images.device)
        self.painter = torch.optim.Adam(self.generator.parameters(), lr=2e-3, betas=(0.0, 0.99))
        self.critic = torch.optim.Adam(self.discriminator.parameters(), lr=2e-3, betas=(0.0, 0.99))

    def step(self, number: int) -> None:
        self.discriminator.requires_grad_(True)
        self.generator.requires_grad_(False)
        real = self.images.clone().requires_grad_(number % R1_EVERY == 0)
        realism = self.discriminator(real)
        fakes = self.discriminator(self._painted(len(real)))
        loss = F.softplus(fakes).mean() + F.softplus(-realism).mean()
        if number % R1_EVERY == 0:
            (slope,) = torch.autograd.grad(realism.sum(), real, create_graph=True)
            penalty = slope.square().flatten(1).sum(dim=1).mean()
            loss = loss + R1_GAMMA / 2 * R1_EVERY * penalty
        descend(self.critic, loss)
        self.discriminator.requires_grad_(False)
        self.generator.requires_grad_(True)
        loss = F.softplus(-self.discriminator(self._painted(len(real)))).mean()
        if number % PATH_EVERY == 0:
            loss = loss + PATH_WEIGHT * PATH_EVERY * self._path_penalty(len(real) // 2)
        descend(self.painter, loss)
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.generator.parameters(), strict=True)
            for average, weight in pairs:
                average.lerp_(weight, 1 - AVERAGED)

    def _painted(self, count: int) -> Tensor:
        images: Tensor = self.generator(self.generator.styles(self._latents(count)))
        return images

    def _latents(self, count: int) -> Tensor:
        return torch.randn(count, self.latents, device=self.images.device)

    def _path_penalty(self, count: int) -> Tensor:
        styles = self.generator.styles(self._latents(count))
        images = self.generator(styles)
        noise = torch.randn_like(images) / math.sqrt(images.shape[2] * images.shape[3])
        (slope,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
        lengths = slope.square().sum(dim=1).sqrt()
        self.mean_length.lerp_(lengths.detach().mean(), PATH_DECAY)
        return (lengths - self.mean_length).square().mean()


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
