"""The twin surrogate: from the classifier's embedding to aligned latents, and back to images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causalxai_glance.twin.generator import Generator, MappingNetwork

_DARK = 0.02
_LEAST_SHARE = 0.1


class Twin(nn.Module):
    """Encoder Phi_e, disentanglement Phi_d, alignment Phi_a and generator Phi_g.

    Parameters
    ----------
    embedding
        l, the width of the classifier's embedding.
    image_shape
        ``(c, h, w)`` of the pictures.
    latents
        L, the dimension of E'; the first latents are the named concepts.
    channels
        The generator's width at low resolutions.
    layers
        The number of dense layers of the disentanglement block.

    Notes
    -----
    Source: GLANCE, figure 1 and section 3.2. The alignment block is linear, as in the paper.
    Embeddings are standardised first, because their sd depends on the classifier.
    """

    def __init__(
        self,
        embedding: int,
        image_shape: tuple[int, int, int],
        *,
        latents: int,
        channels: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(embedding))
        self.register_buffer("scale", torch.ones(embedding))
        self.centre: Tensor
        self.scale: Tensor
        self.encode = nn.Linear(embedding, latents)
        self.disentangle = MappingNetwork(latents, layers)
        self.align = nn.Linear(latents, latents)
        self.generate = Generator(latents, image_shape, channels=channels)

    @torch.no_grad()
    def begin_at(self, embeddings: Tensor, mean_image: Tensor) -> None:
        """Set the scale from embeddings ``[n, l]``, and the initial image ``[c, h, w]``.

        Units that are (almost) never active are divided by a tenth of the others' typical sd
        instead of their own, so that a rare activation does not become an extreme value.
        """
        sd = embeddings.std(dim=0)
        active = sd[sd > 0]
        least = _LEAST_SHARE * active.median() if len(active) else sd.new_ones(())
        self.centre.copy_(embeddings.mean(dim=0))
        self.scale.copy_(sd.clamp(min=least))
        # From a grey initial image, the first steps of Adam overshoot to images that are so dark
        # that the gradient vanishes.
        self.generate.bias.copy_(mean_image.clamp(_DARK, 1 - _DARK).logit())

    def latents(self, embeddings: Tensor) -> Tensor:
        """Return the aligned latents ``[n, L]`` of embeddings ``[n, l]``."""
        standardised = (embeddings - self.centre) / self.scale
        aligned: Tensor = self.align(self.disentangle(self.encode(standardised)))
        return aligned

    def render(self, latents: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Return pictures ``[n, c, h, w]`` in [0, 1] of latents ``[n, L]``."""
        pictures: Tensor = self.generate(latents, noise)
        return pictures
