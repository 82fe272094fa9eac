"""Directions in latents that change one labelled concept and hold the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor

_PENALTIES = tuple(np.logspace(-2, 5, 15).tolist())


@dataclass(frozen=True)
class LatentDirections:
    """How concepts are read from latents, and how latents are moved when concepts are set.

    Parameters
    ----------
    readers
        ``[L, k]``: a concept's value is ``latents @ readers + offsets``.
    offsets
        ``[k]``.
    moves
        ``[k, L]``, what is added to the latents when a concept is raised by 1. ``moves @ readers``
        is the identity: a move changes the reading of its own concept alone.
    """

    readers: Tensor
    offsets: Tensor
    moves: Tensor

    @classmethod
    def fitted(cls, latents: Tensor, labels: Tensor) -> Self:
        """Learn the directions of labelled concepts.

        A concept is read by ridge regression of its labels on the latents, whose penalty is chosen
        by leave-one-out errors. The moves are the regression of the latents on all readings at
        once: how latents that belong together change with one concept while the readings of the
        others stay [1]_. Orthogonal projections of directions, as in [2]_, would hold the others,
        too, but leave what images look like.

        Parameters
        ----------
        latents
            ``[n, L]``.
        labels
            ``[n, k]``; each column varies, and none is a linear function of others.

        References
        ----------
        .. [1] Haufe, Meinecke, Görgen, Dähne, Haynes, Blankertz, Bießmann, "On the interpretation
           of weight vectors of linear models in multivariate neuroimaging", NeuroImage 87, 2014.
        .. [2] Shen, Gu, Tang, Zhou, "Interpreting the latent space of GANs for semantic face
           editing", CVPR 2020.
        """
        found, wanted = latents.double().cpu().numpy(), labels.double().cpu().numpy()
        centre, spread = found.mean(axis=0), found.std(axis=0)
        spread[spread == 0] = 1.0
        middle, unit = wanted.mean(axis=0), wanted.std(axis=0)
        ridge = RidgeCV(alphas=_PENALTIES).fit((found - centre) / spread, (wanted - middle) / unit)
        weights = np.atleast_2d(ridge.coef_).T / spread[:, None] * unit
        readings = (found - centre) @ weights
        moves = np.linalg.lstsq(readings, found - centre, rcond=None)[0]
        return cls(
            torch.from_numpy(weights).float(),
            torch.from_numpy(middle - centre @ weights).float(),
            torch.from_numpy(moves).float(),
        )

    @classmethod
    def single(cls, latents: Tensor, columns: tuple[int, ...]) -> Self:
        """Take some of the latents ``[n, L]`` themselves as concepts, in sds around their means."""
        chosen = list(columns)
        spread = latents[:, chosen].std(dim=0, correction=0).cpu()
        spread = torch.where(spread > 0, spread, 1.0)
        place = torch.nn.functional.one_hot(torch.tensor(chosen), latents.shape[1]).float()
        offsets = -latents[:, chosen].mean(dim=0).cpu() / spread
        return cls((place / spread[:, None]).T.contiguous(), offsets, place * spread[:, None])

    def read(self, latents: Tensor) -> Tensor:
        """Return the values ``[..., k]`` of concepts in latents ``[..., L]``."""
        return latents @ self.readers + self.offsets

    def to(self, device: torch.device) -> LatentDirections:
        """Return the same on a device."""
        return LatentDirections(
            self.readers.to(device), self.offsets.to(device), self.moves.to(device)
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return all parts by name, for a record."""
        return {"readers": self.readers, "offsets": self.offsets, "moves": self.moves}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo ``tensors``."""
        return cls(tensors["readers"], tensors["offsets"], tensors["moves"])
