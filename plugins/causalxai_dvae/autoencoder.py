"""The discrete autoencoder, which encodes a hidden layer as bits and decodes it from them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.errors import DataError
from causalxai.plugin import PluginConfig
from causalxai.training.data_parallel import draw_rows

_Width = Annotated[int, Field(ge=1, le=8192)]


class AutoencoderConfig(PluginConfig):
    """Settings of a discrete autoencoder's size and training.

    Parameters
    ----------
    bits
        b, the length of the code.
    decoder
        ``linear``: flipping all bits reflects a reconstruction about one fixed point.
        ``transposed``: the paper's, the encoder's layers in reverse.
    hidden
        Widths of the encoder's inner layers; with the last one, to the bits, three make four
        linear layers.
    dropout
        Share of the inner units that are dropped in training. A transposed decoder needs dropout:
        otherwise it is never trained on codes such as those that flips produce.
    beta
        Weight of the code's divergence from fair coins, in nats summed over bits. The other term is
        the mean squared error per unit of the layer, as a share of the units' mean variance.
    turn
        Our addition; 0 is the paper's objective. Weight of the classifier's negative log
        probability, in nats, that the flipped code does not have the class predicted for the image.
        The lower bound does not depend on the decision boundary: with classes of unequal size, or a
        transposed decoder, the flip may stay on the same side of it, which this term prevents. The
        share of changed predictions is then trained for, and says less about what the code has
        learned by itself.
    steps
        Steps of the optimizer.
    batch_size
        The number of activations in a step.
    learning_rate
        Adam's learning rate, which falls linearly over the second half of the steps.
    temperature
        Temperature of the relaxed bits at the first and at the last step, with geometric
        interpolation.
    """

    bits: int = Field(20, ge=1, le=1024)
    decoder: Literal["linear", "transposed"] = "linear"
    hidden: tuple[_Width, ...] = Field((256, 128, 64), max_length=16)
    dropout: float = Field(0.2, ge=0, lt=1)
    beta: NonNegativeFloat = 1e-2
    turn: NonNegativeFloat = 1.0
    steps: PositiveInt = 2000
    batch_size: PositiveInt = 128
    learning_rate: PositiveFloat = 2e-3
    temperature: tuple[PositiveFloat, PositiveFloat] = (1.0, 0.5)


class DiscreteAutoencoder(nn.Module):
    """Encodes activations as bits and decodes bits into activations.

    Activations are centred and divided by one number for all units, so that units have a weight by
    their variance. The decoder's input is ``2 z - 1``.

    Parameters
    ----------
    width
        d, the number of units of the layer.
    config
        The settings.

    Notes
    -----
    Source: *Latent space explanation by intervention*, "Discrete concepts in a hidden layer";
    four linear layers, ReLU and dropout from "Experimental setup".
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int, config: AutoencoderConfig) -> None:
        super().__init__()
        self.width, self.config = width, config
        self.encoder = _layers((width, *config.hidden, config.bits))
        inner = config.hidden[::-1] if config.decoder == "transposed" else ()
        self.decoder = _layers((config.bits, *inner, width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def begin_at(self, activations: Tensor) -> None:
        """Set the mean and the common scale from activations ``[n, d]``.

        Raises
        ------
        DataError
            If the activations are not finite, or do not vary.
        """
        mean = activations.mean(dim=0)
        scale = (activations - mean).square().mean().sqrt()
        if not torch.isfinite(scale) or scale <= 0:
            raise DataError(
                "a layer whose activations are the same for all images, or not finite, cannot be "
                f"encoded (their deviation is {float(scale):g}); choose another layer"
            )
        self.mean.copy_(mean)
        self.scale.copy_(scale)

    def standardise(self, activations: Tensor) -> Tensor:
        """Return standardised activations ``[..., d]``, the scale of the encoder and of errors."""
        return (activations - self.mean) / self.scale

    def code_logits(self, activations: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Return the logits ``[n, b]`` of bits being one; with dropout if there is ``rng``."""
        standardised = self.standardise(activations)
        return _through(self.encoder, standardised, self.config.dropout, rng)

    def code(self, activations: Tensor) -> Tensor:
        """Return ``[n, b]``, floats 0 or 1: the likelier value of each bit, for ``[n, d]``."""
        logits = self.code_logits(activations)
        return (logits > 0).to(logits)

    def decode(self, code: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Return activations ``[..., d]`` in the layer's own scale for bits ``[..., b]``.

        The result is differentiable, and bits may lie between 0 and 1. There is dropout only if
        ``rng`` is given.
        """
        decoded = _through(self.decoder, 2 * code - 1, self.config.dropout, rng)
        return self.mean + self.scale * decoded

    def reconstruct(self, activations: Tensor) -> Tensor:
        """Return phi', ``[n, d]``: the reconstruction of activations ``[n, d]`` from their code."""
        return self.decode(self.code(activations))


def _layers(widths: Iterable[int]) -> nn.ModuleList:
    return nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))


def _through(
    layers: nn.ModuleList, x: Tensor, dropout: float, rng: torch.Generator | None
) -> Tensor:
    *inner, last = layers
    for layer in inner:
        x = F.relu(layer(x))
        if rng is not None and dropout > 0:
            # nn.Dropout is not used because it draws from torch's global generator.
            kept = draw_rows(torch.rand, x.shape, rng) >= dropout
            x = x * kept.to(x) / (1 - dropout)
    logits: Tensor = last(x)
    return logits
