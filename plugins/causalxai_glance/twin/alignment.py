"""What makes named latents equal their concepts and keeps the others apart from them."""

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

    Read literally, this does not impose orthogonality. The target is a constant for the gradient
    (through the SVD it would be of the order of one over the gap between singular values, and
    not a number where they coincide). The running mean averages rows of different samples, which
    cancel; and the target's norm is at most ``lambda_max`` beside the norm ``||Sigma||_F`` of
    ``M``. What remains comes to ``alpha mean(M^2)``: plain decay of the unnamed latents.

    Parameters
    ----------
    batch
        The usual number of rows, for which the running mean is kept. A smaller batch reads and
        updates the first rows; a larger one is refused.
    unnamed
        How many latents have no concept.
    lambda_max
        The norm that ``M`` is drawn to, positive.
    momentum
        Share of the running mean that a step keeps, in [0, 1).

    Notes
    -----
    Source: GLANCE, section 3.2, equation 1. Our readings: a batch with fewer rows than latents
    has singular values of 0 for the rest (columns of zeros in ``U Sigma``); singular vectors get
    the sign that makes the largest entry of each column of V positive, for they have none of
    their own; and ``||Sigma||_F`` is floored by the mean's own norm, which keeps the target
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
        """Return the loss, and take the batch into the running mean while training.

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
            If the batch is larger than the running mean's.
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
        """Return what the unnamed latents ``[n, unnamed]`` are drawn to, of the same shape.

        Not a number, and nothing taken into the running mean, where some of them are not finite.
        """
        rows = len(unnamed)
        if rows > len(self.mean):
            raise DataError(
                f"the running mean of the spectral alignment has {len(self.mean)} rows, and the "
                f"batch {rows}: construct it with batch={rows} or pass smaller batches"
            )
        if not bool(torch.isfinite(unnamed).all()):
            # There is no SVD of it; the loss tells that the training broke down.
            return torch.full_like(unnamed, torch.nan)
        scores, size = principal_scores(unnamed)
        if self.training:
            self.seen[:rows] += 1
            # The plain mean at first: a start at 0 would only fade out after 1 / (1 - momentum).
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
    """Return alpha, the weight of the spectral term: from 0 to 1 in stairs of equal length.

    Parameters
    ----------
    step
        0 to ``total - 1``; the first of ``stairs + 1`` equal parts has 0, the last 1.
    total
        How many steps there are, at least 1.
    stairs
        In how many rises, at least 1.

    Notes
    -----
    Source: GLANCE, section 3.2 ("step based incremental function"); the number of rises is ours.
    """
    return min(stairs, (stairs + 1) * step // total) / stairs


def decorrelation(latents: Tensor, named: int) -> Tensor:
    """Return the mean squared correlation, over a batch, of latents that shouldn't be related.

    All pairs count except those of two named latents, which may be causally related.

    Parameters
    ----------
    latents
        ``[n, L]``, the named ones first. A column that does not vary is correlated with nothing.
    named
        k, how many latents have a concept.

    Returns
    -------
    Tensor
        A scalar in [0, 1]; 0 where there is no pair. Independent latents come to about
        ``1 / (n - 1)``, not to 0.

    Notes
    -----
    Our replacement for the orthogonality that GLANCE asks for in section 3.2 (second property)
    and equation 1 does not give.
    """
    latents = full_precision(latents)
    centred = latents - latents.mean(dim=0)
    scores = centred * (centred.square().mean(dim=0) + 1e-8).rsqrt()
    with torch.autocast(latents.device.type, enabled=False):
        squares = (scores.T @ scores / len(scores)).square()
    counts = torch.ones_like(squares).triu(diagonal=1)
    counts[:named, :named] = 0
    return (squares * counts).sum() / counts.sum().clamp(min=1)
