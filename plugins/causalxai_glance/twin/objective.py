"""The objectives of a twin's training: the paper's, and one with a loss for obedience to do()."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.image_data.lazy import Images
from causalxai_glance.twin.alignment import SpectralAlignment, alpha_at, decorrelation
from causalxai_glance.twin.losses import consistency, generator_loss, reconstruction

Losses = Literal["do-cycle", "paper"]

Lambdas = tuple[float, float, float, float]
"""The paper's lambda_1 to lambda_4: path length, alignment, reconstruction and consistency."""


@dataclass(frozen=True)
class Weights:
    """The factor of each term of the generator's loss."""

    adversarial: float
    path_length: float
    alignment: float
    reconstruction: float
    consistency: float
    decorrelation: float
    do_cycle: float
    kept: float


WEIGHTS: dict[Losses, Weights] = {
    # GLANCE, section 9 of the appendix, for Morpho-MNIST at 32 px.
    "paper": Weights(
        adversarial=1, path_length=10, alignment=30, reconstruction=30, consistency=1,
        decorrelation=0, do_cycle=0, kept=0,
    ),
    "do-cycle": Weights(
        adversarial=2, path_length=0.2, alignment=3, reconstruction=30, consistency=1,
        decorrelation=1, do_cycle=3, kept=1,
    ),
}  # fmt: skip


def weighted_by(lambdas: Lambdas) -> Weights:
    """Return the weights of the paper's sum for given lambdas.

    Notes
    -----
    Source: GLANCE, section 3.2, ``L_adv + lambda_1 L_pl + lambda_2 L_align + lambda_3 L_recon +
    lambda_4 L_cls``.
    """
    path_length, alignment, reconstructed, consistent = lambdas
    return replace(
        WEIGHTS["paper"],
        path_length=path_length,
        alignment=alignment,
        reconstruction=reconstructed,
        consistency=consistent,
    )


@dataclass(frozen=True)
class Batch:
    """Images with the classifier's embeddings and logits.

    Parameters
    ----------
    images
        ``[n, c, h, w]`` in [0, 1]; lazy ones are read when rows are drawn.
    embeddings, logits
        ``[n, l]`` and ``[n, K]``.
    concepts
        ``[n, k]``, the context features, standardised.
    """

    images: Images
    embeddings: Tensor
    logits: Tensor
    concepts: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, rows: Tensor) -> Batch:
        parts = (self.images, self.embeddings, self.logits, self.concepts)
        return Batch(*(part[rows] for part in parts))

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        """Return batches, whose images are read, one after the other."""
        images = torch.cat([batch.images[:] for batch in batches])
        others = zip(*((b.embeddings, b.logits, b.concepts) for b in batches), strict=True)
        return cls(images, *(torch.cat(parts) for parts in others))

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        parts = (self.images[:], self.embeddings, self.logits, self.concepts)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


@dataclass(frozen=True)
class Painted:
    """Images rendered from latents, and the classifier's and the twin's readings of them.

    Parameters
    ----------
    latents
        ``[n, L]``, the latents that were rendered.
    images
        ``[n, c, h, w]``.
    logits, readback
        ``[n, K]`` and ``[n, L]``, from the painted images.
    realism
        ``[n]``, the discriminator's logits.
    """

    latents: Tensor
    images: Tensor
    logits: Tensor
    readback: Tensor
    realism: Tensor


class Objective(nn.Module):
    """The weighted terms of the generator's loss that are computed in every step.

    Parameters
    ----------
    losses
        ``paper``: GLANCE's sum with the alignment of equation 1. ``do-cycle``: alignment by mean
        squared error and decorrelation; a concept that do() sets must be read back with the value
        that was set, and the discriminator must take the image for one with these concepts.
    batch, named, unnamed
        The number of rows of a batch, and of latents with and without a name.
    lambdas
        For ``paper``, the weights of its terms; by default those of the appendix for 32 px.
    """

    def __init__(
        self,
        losses: Losses,
        *,
        batch: int,
        named: int,
        unnamed: int,
        lambdas: Lambdas | None = None,
    ) -> None:
        super().__init__()
        self.named = named
        self.weights = WEIGHTS[losses] if lambdas is None else weighted_by(lambdas)
        self.spectral = SpectralAlignment(batch, unnamed) if losses == "paper" else None

    def forward(
        self, batch: Batch, as_seen: Painted, intervened: Painted | None, step: int, total: int
    ) -> dict[str, Tensor]:
        """Return the weighted terms by name.

        Parameters
        ----------
        batch
            The original images.
        as_seen
            Their reconstructions.
        intervened
            The same units after do(); ``None`` if the objective does not use interventions.
        step, total
            The number of the step, 0 to ``total - 1``, and the number of all steps.
        """
        weights, named = self.weights, self.named
        # L_recon, L_cls and L_adv of GLANCE, section 3.2; the training adds the path length L_pl.
        realism = [painted.realism for painted in (as_seen, intervened) if painted is not None]
        terms = {
            "reconstruction": weights.reconstruction
            * reconstruction(as_seen.images, batch.images[:]),
            "consistency": weights.consistency * consistency(as_seen.logits, batch.logits),
            "adversarial": weights.adversarial * generator_loss(torch.cat(realism)),
        }
        if self.spectral is not None:
            # L_align as printed, equation 1.
            spectral = self.spectral(as_seen.latents, batch.concepts, alpha_at(step, total))
            return {**terms, "alignment": weights.alignment * spectral}
        terms["decorrelation"] = weights.decorrelation * decorrelation(as_seen.latents, named)
        if named:
            aligned = F.mse_loss(as_seen.latents[:, :named], batch.concepts)
            terms["alignment"] = weights.alignment * aligned
        if intervened is not None:
            # Named latents must be read back as do() set them; unnamed ones must be kept.
            obeyed = F.mse_loss(intervened.readback[:, :named], intervened.latents[:, :named])
            terms["do-cycle"] = weights.do_cycle * obeyed
            terms["kept"] = weights.kept * _lost(intervened, named)
        return terms


def _lost(painted: Painted, named: int) -> Tensor:
    """Return the share of the unnamed latents' variance that is not read back from images."""
    unnamed = painted.latents[:, named:].detach()
    spread = unnamed.var(dim=0, correction=0).mean().clamp(min=1e-6)
    return F.mse_loss(painted.readback[:, named:], unnamed) / spread
