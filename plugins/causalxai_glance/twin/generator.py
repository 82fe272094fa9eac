"""The twin's renderer: a StyleGAN2 whose styles are the latents themselves."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai.training.data_parallel import draw_rows

SLOPE = 0.2
SMALLEST, LARGEST = 16, 256
NARROWEST = 16
# The gain that keeps the variance of a leaky ReLU's outputs at that of its inputs.
GAIN = math.sqrt(2 / (1 + SLOPE**2))

# StyleGAN2's equalised learning rate is left out: it slows the short trainings of a twin (300 to
# 2000 steps of Adam), and demodulation already makes a convolution independent of the scale of its
# weights.


class ModulatedConv2d(nn.Module):
    """A convolution whose weights are scaled, for each sample, by a style.

    The style is an affine map of the latents with bias 1, so that it is initially near 1. Scaling
    the weights of sample ``i`` by ``s_i`` and dividing by their norm is the same as scaling the
    input by ``s_i`` and the output by ``1 / sqrt(sum (w s_i)^2 + eps)``. One ordinary convolution
    can therefore process the whole batch, and no sample depends on its batch.

    Parameters
    ----------
    inputs, outputs
        Channels in and out.
    kernel
        Side of the kernel, odd; the padding keeps the size.
    style_dim
        L, the number of latents from which the style is computed.
    demodulate
        Whether each output channel's weights are normalised to norm 1 after the scaling.
    gain
        A constant factor of the output.

    Notes
    -----
    Source: Karras et al. 2020, *Analyzing and Improving the Image Quality of StyleGAN*,
    section 2.2, equations 1 and 3.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        style_dim: int,
        demodulate: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.demodulate, self.gain, self.eps = demodulate, gain, 1e-8
        spread = 1 / math.sqrt(inputs * kernel**2)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * spread)
        self.affine = nn.Linear(style_dim, inputs)
        nn.init.normal_(self.affine.weight, std=1 / math.sqrt(style_dim))
        nn.init.ones_(self.affine.bias)

    def forward(self, x: Tensor, latents: Tensor) -> Tensor:
        """Return the modulated convolution of each sample.

        Parameters
        ----------
        x
            ``[n, inputs, h, w]``.
        latents
            ``[n, L]``.

        Returns
        -------
        Tensor
            ``[n, outputs, h, w]``.
        """
        style: Tensor = self.affine(latents)
        scale = self._demodulation(style)
        if self.weight.shape[2] == 1:
            # A 1 x 1 convolution is computed as a matrix product, which is faster for few outputs.
            weight = scale[:, :, None] * self.weight[:, :, 0, 0] * style[:, None, :]
            pixels = x.permute(0, 2, 3, 1).flatten(1, 2) @ weight.to(x.dtype).transpose(1, 2)
            images: Tensor = pixels.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
            return images
        y = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[2] // 2)
        return y * scale[:, :, None, None].to(y.dtype)

    def _demodulation(self, style: Tensor) -> Tensor:
        """Return the factors ``[n, outputs]`` of equation 3, always in full precision."""
        if not self.demodulate:
            return style.new_full((1, len(self.weight)), self.gain)
        with torch.autocast(style.device.type, enabled=False):
            power = self.weight.square().sum(dim=(2, 3))
            squares = style.to(power.dtype).square() @ power.T
            return self.gain * (squares + self.eps).rsqrt()


class MappingNetwork(nn.Module):
    """The disentanglement block Phi_d: E' → E', StyleGAN2's modulator.

    It consists of dense layers with leaky ReLUs between them. StyleGAN2's pixel norm is left out,
    because the length of an embedding carries contrast and thickness.

    Parameters
    ----------
    dim
        m, the dimension of E'.
    layers
        The number of dense layers, at least 1.

    Notes
    -----
    Source: GLANCE, section 3.1 (iii); Karras et al. 2020. The last layer is linear, so that the
    outputs can take either sign freely.
    """

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"a mapping network has at least 1 layer, not {layers}")
        self.layers = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            nn.init.normal_(layer.weight, std=1 / math.sqrt(dim))
            nn.init.zeros_(layer.bias)

    def forward(self, z: Tensor) -> Tensor:
        """Return the disentangled features ``[n, dim]`` of ``[n, dim]``."""
        for i, layer in enumerate(self.layers):
            z = layer(z if i == 0 else GAIN * F.leaky_relu(z, SLOPE))
        return z


class _StyledLayer(nn.Module):
    """A modulated 3 x 3 convolution, noise of a learned strength, a bias and a leaky ReLU.

    Upsampling after the convolution takes a quarter of the computation and learns no slower.
    """

    def __init__(
        self, inputs: int, outputs: int, size: int, style_dim: int, *, upsample: bool = False
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = ModulatedConv2d(inputs, outputs, 3, style_dim, gain=GAIN)
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(1, 1, size, size))
        self.noise: Tensor

    def forward(self, x: Tensor, latents: Tensor, noise: torch.Generator | None) -> Tensor:
        drawn = self.noise
        if noise is not None:
            shape = (len(x), *self.noise.shape[1:])
            draw = partial(torch.randn, device=noise.device)
            drawn = draw_rows(draw, shape, noise).to(self.noise)
        # In place, because large maps take longer to move through memory than to compute.
        y: Tensor = self.conv(x, latents)
        y += self.bias
        if self.upsample:
            y = _double(y)
        y += drawn * self.strength
        return F.leaky_relu(y, SLOPE, inplace=True)


class _SynthesisBlock(nn.Module):
    """One resolution: two styled layers, the first of which upsamples, and their image."""

    def __init__(self, inputs: int, outputs: int, size: int, colours: int, style_dim: int) -> None:
        super().__init__()
        self.first = _StyledLayer(inputs, outputs, size, style_dim, upsample=True)
        self.second = _StyledLayer(outputs, outputs, size, style_dim)
        self.to_image = ModulatedConv2d(outputs, colours, 1, style_dim, demodulate=False)

    def forward(
        self, x: Tensor, image: Tensor, latents: Tensor, noise: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        x = self.first(x, latents, noise)
        x = self.second(x, latents, noise)
        return x, self.to_image(x, latents) + _double(image)


class Generator(nn.Module):
    """The generator Phi_g: E' → X, which renders an image from latents.

    The latents are the styles of every layer; they correspond to StyleGAN2's ``w`` and are computed
    by Phi_d followed by Phi_a. A learned constant of 4 x 4 is upsampled to the image's size, and
    the images of all resolutions are summed (skip generator). There is no batch norm, so that the
    image of a unit does not depend on its batch.

    Parameters
    ----------
    latents
        L, the number of latents.
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
    Source: GLANCE, section 3.2; Karras et al. 2020. Initial weights and the fixed noise come from
    torch's default generator, as those of any torch module.

    ``bias``, which is added before the sigmoid, should be initialised to the logits of the data's
    mean image. With a grey initial image and dark data, all layers learn to darken at once, and the
    sigmoid can saturate.
    """

    def __init__(
        self,
        latents: int,
        image_shape: tuple[int, int, int],
        *,
        channels: int = 64,
    ) -> None:
        super().__init__()
        sizes = resolutions(image_shape)
        colours = image_shape[0]
        self.latents, self.image_shape = latents, image_shape
        widths = [width(channels, size) for size in sizes]
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.first = _StyledLayer(widths[0], widths[0], 4, latents)
        self.to_image = ModulatedConv2d(widths[0], colours, 1, latents, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(image_shape))
        self.blocks = nn.ModuleList(
            _SynthesisBlock(wide, narrow, size, colours, latents)
            for wide, narrow, size in zip(widths[:-1], widths[1:], sizes[1:], strict=True)
        )

    def forward(self, latents: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Render units.

        Parameters
        ----------
        latents
            ``[n, L]``.
        noise
            The source of fresh noise. Without it the noise is fixed, so that the same latents give
            the same image.

        Returns
        -------
        Tensor
            ``[n, c, h, w]`` in [0, 1].
        """
        return self.logits(latents, noise).sigmoid()

    def logits(self, latents: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Return the images ``[n, c, h, w]`` before the sigmoid."""
        # Convolutions take half the time on a CPU in this memory layout, which every layer
        # preserves.
        constant = self.constant.repeat(len(latents), 1, 1, 1)
        constant = constant.contiguous(memory_format=torch.channels_last)
        x = self.first(constant, latents, noise)
        image: Tensor = self.to_image(x, latents)
        for block in self.blocks:
            x, image = block(x, image, latents, noise)
        # Images have the usual memory layout, because networks that use `view` fail with another.
        return (image + self.bias).contiguous()


def resolutions(image_shape: tuple[int, int, int]) -> tuple[int, ...]:
    """Return 4, 8, 16, ... up to the side of an image, or raise CapabilityError."""
    _, height, side = image_shape
    if height != side or side & (side - 1) or not SMALLEST <= side <= LARGEST:
        raise CapabilityError(
            f"a twin cannot generate images of {height} x {side}: resize them to a square of 16, "
            "32, 64, 128 or 256 pixels"
        )
    return tuple(2**k for k in range(2, side.bit_length()))


def width(channels: int, size: int) -> int:
    """Return the number of channels at one resolution."""
    return min(channels, max(NARROWEST, 8 * channels // max(size, 8)))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
