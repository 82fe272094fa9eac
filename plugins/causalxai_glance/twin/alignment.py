"""Alignment losses: named latents equal their concepts, and unnamed ones are unrelated to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai.errors import DataError
from causalxai_glance.twin.losses import full_precision

_TINY = 1e-12


class SpectralAlignment(nn.Module):
    """The paper's alignment loss, equation 1.

    ``||M_o - C||^2 + alpha ||M - lambda_max mean(U Sigma) / ||Sigma||_F ||^2`` with ``M_o`` the
    named latents, ``M = U Sigma V^T`` the unnamed ones and the mean taken over steps, row by row.
    Squared norms are means over entries, so that weights don't depend on batch or dimension.

    Read literally, this does not impose orthogonality. The target is detached from the gradient,
    because the gradient through the SVD is of the order of one over the gap between singular
    values, and NaN where they coincide. The running mean averages rows of different samples, which
    cancel, and the norm of the target is at most ``lambda_max``, compared with the norm
    ``||Sigma||_F`` of ``M``. The remaining term is about ``alpha mean(M^2)``, plain decay of the
    unnamed latents.

    Parameters
    ----------
    batch
        The usual number of rows, for which the running mean is kept. A smaller batch reads and
        updates the first rows; a larger one is refused.
    unnamed
        How many latents have no concept.
    lambda_max
        The norm of the target of ``M``, positive.
    momentum
        The weight of the old running mean in each step, in [0, 1).

    Notes
    -----
    Source: GLANCE, section 3.2, equation 1. Our interpretations are these. A batch with fewer rows
    than latents has singular values of 0 for the rest (columns of zeros in ``U Sigma``). The sign
    of singular vectors, which is arbitrary, is chosen such that the largest entry of each column of
    V is positive. ``||Sigma||_F`` is bounded below by the mean's own norm, which keeps the target
    finite where ``M`` vanishes.
    """

    def __init__(
        self, batch: int, unnamed: int, *, lambda_max: float = 1.0, momentum: float = 0.99
    ) -> None:
        super().__init__()
        self.lambda_max, self.momentum = lambda_max, momentum
        self.register_buffer("mean", torch.zeros(batch, unnamed))
        self.register_buffer("seen", torch.zeros(batch, 1))
        self.mean: Tensor
        self.seen: Tensor

    def forward(self, latents: Tensor, concepts: Tensor, alpha: float) -> Tensor:
        """Return the loss, and update the running mean with the batch during training.

        Parameters
        ----------
        latents
            ``[n, k + unnamed]``, the named ones first.
        concepts
            ``[n, k]``, standardised.
        alpha
            Weight of the spectral term, in [0, 1]; see `alpha_at`.

        Returns
        -------
        Tensor
            A scalar, at least 0.

        Raises
        ------
        DataError
            If the batch has more rows than the running mean.
        """
        latents, named = full_precision(latents), concepts.shape[1]
        unnamed = latents[:, named:]
        loss = latents.new_zeros(())
        if named:
            loss = loss + F.mse_loss(latents[:, :named], concepts.to(latents))
        if unnamed.shape[1]:
            loss = loss + alpha * F.mse_loss(unnamed, self.target(unnamed.detach()))
        return loss

    @torch.no_grad()
    def target(self, unnamed: Tensor) -> Tensor:
        """Return the target of the unnamed latents ``[n, unnamed]``, of the same shape.

        If some of them are not finite, the target is NaN and the running mean is not updated.
        """
        rows = len(unnamed)
        if rows > len(self.mean):
            raise DataError(
                f"the running mean of the spectral alignment has {len(self.mean)} rows, and the "
                f"batch {rows}: construct it with batch={rows} or pass smaller batches"
            )
        if not bool(torch.isfinite(unnamed).all()):
            # The SVD would fail; a NaN loss reports that the training has diverged.
            return torch.full_like(unnamed, torch.nan)
        scores, size = principal_scores(unnamed)
        if self.training:
            self.seen[:rows] += 1
            # The plain mean at first, because a start at 0 would fade out only after 1 / (1 -
            # momentum) steps.
            share = (1 / self.seen[:rows]).clamp(min=1 - self.momentum)
            self.mean[:rows] = torch.lerp(self.mean[:rows], scores.to(self.mean), share)
        mean = self.mean[:rows].to(unnamed)
        floor = torch.linalg.matrix_norm(mean).clamp(min=_TINY)
        return self.lambda_max * mean / torch.maximum(size, floor)


def principal_scores(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``U Sigma`` of a matrix ``[n, d]``, as ``[n, d]``, and the norm of ``Sigma``."""
    u, sigma, vh = torch.linalg.svd(matrix, full_matrices=False)
    largest = vh.abs().argmax(dim=1, keepdim=True)
    scores = u * (sigma * vh.gather(1, largest)[:, 0].sign())
    missing = matrix.shape[1] - scores.shape[1]
    return F.pad(scores, (0, missing)), torch.linalg.vector_norm(sigma)


def alpha_at(step: int, total: int, *, stairs: int = 10) -> float:
    """Return alpha, the weight of the spectral term, which rises from 0 to 1 in equal steps.

    Parameters
    ----------
    step
        0 to ``total - 1``; the first of ``stairs + 1`` equal parts has 0, the last 1.
    total
        The number of steps, at least 1.
    stairs
        The number of rises, at least 1.

    Notes
    -----
    Source: GLANCE, section 3.2 ("step based incremental function"); the number of rises is ours.
    """
    return min(stairs, (stairs + 1) * step // total) / stairs


def decorrelation(latents: Tensor, named: int) -> Tensor:
    """Return the mean squared correlation, over a batch, of latents that should be unrelated.

    All pairs count except those of two named latents, which may be causally related.

    Parameters
    ----------
    latents
        ``[n, L]``, the named ones first. The correlation with a constant column is taken to be 0.
    named
        k, the number of latents that have a concept.

    Returns
    -------
    Tensor
        A scalar in [0, 1], and 0 if there is no pair. The expected value for independent latents is
        about ``1 / (n - 1)``, not 0.

    Notes
    -----
    Our replacement for the orthogonality that GLANCE requires in section 3.2 (second property) and
    that equation 1 does not achieve.
    """
    latents = full_precision(latents)
    centred = latents - latents.mean(dim=0)
    scores = centred * (centred.square().mean(dim=0) + 1e-8).rsqrt()
    with torch.autocast(latents.device.type, enabled=False):
        squares = (scores.T @ scores / len(scores)).square()
    counts = torch.ones_like(squares).triu(diagonal=1)
    counts[:named, :named] = 0
    return (squares * counts).sum() / counts.sum().clamp(min=1)
