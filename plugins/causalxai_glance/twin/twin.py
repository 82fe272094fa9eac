"""The twin surrogate: from the classifier's embedding to aligned latents, and back to pictures."""

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
        How many dense layers the disentanglement block has.

    Notes
    -----
    Source: GLANCE, figure 1 and section 3.2. The alignment block is linear, as there. Embeddings
    are standardised first: their sd depends on the classifier.
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
        """Take the scale of embeddings ``[n, l]``, and a picture ``[c, h, w]`` to begin with.

        Units that are (almost) never active count with a tenth of the others' typical sd, so that
        a rare activation is not blown up.
        """
        sd = embeddings.std(dim=0)
        active = sd[sd > 0]
        least = _LEAST_SHARE * active.median() if len(active) else sd.new_ones(())
        self.centre.copy_(embeddings.mean(dim=0))
        self.scale.copy_(sd.clamp(min=least))
        # From grey, the first steps of Adam overshoot to pictures so dark that no gradient is left.
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
