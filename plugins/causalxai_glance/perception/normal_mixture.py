"""Mixtures of normal distributions as noise, fitted to weighted values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from causalxai_glance.perception.measurement_model import Values

LEAST_VARIANCE = 1e-4
"""The least variance of a noise, of values with a standard deviation of 1."""
_HALF_LOG_TAU = 0.5 * float(np.log(2 * np.pi))
_PAIR = 2


# Written by hand because scikit-learn's GaussianMixture takes no sample weights, and the mixture of
# ``scm.noise`` groups unweighted values; here the weights change with each step of the outer model.
@dataclass(frozen=True)
class NormalMixture:
    """A mixture of normal distributions, the noise of one concept.

    Parameters
    ----------
    share, mean, sd
        ``[components]``; the shares sum to 1.
    """

    share: Values
    mean: Values
    sd: Values

    @classmethod
    def around(cls, sd: float, components: int) -> NormalMixture:
        """Return a mixture around 0 from which to start, whose components differ."""
        place = np.linspace(-1, 1, components) * (1.0 if components > _PAIR else 0.1)
        width = np.linspace(0.7, 1.3, components) if components == _PAIR else 0.7
        return cls(np.full(components, 1 / components), sd * place, sd * width + 0 * place)

    @classmethod
    def of(cls, moments: Values) -> NormalMixture:
        """Return the mixture whose components have these masses, sums and sums of squares.

        ``moments`` are ``[components, 3]``.
        """
        total, sums, squares = moments.T
        total = total + 1e-6
        mean = sums / total
        spread = np.maximum(squares / total - mean**2, 0.0)
        return cls(total / total.sum(), mean, np.sqrt(spread + LEAST_VARIANCE))

    @property
    def parameters(self) -> int:
        """The number of free parameters."""
        return 3 * len(self.mean) - 1

    def apportion(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log density ``[n]``, and each component's share of it ``[components, n]``.

        ``residual`` is ``[n]``, float32.
        """
        # Components come first and the operations are in place, which is several times faster.
        constant = np.log(self.share) - np.log(self.sd) - _HALF_LOG_TAU
        mean, unit, constants = (
            torch.from_numpy(part[:, None]).float() for part in (self.mean, 1 / self.sd, constant)
        )
        terms = (residual - mean).mul_(unit).square_().mul_(-0.5).add_(constants)
        return log_sum(terms, 0)


def log_sum(terms: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the log of the sum of exponentials along a dimension, and the share of each.

    ``terms`` are overwritten. torch's logsumexp and softmax take several times as long.
    """
    peak = terms.amax(dim=dim, keepdim=True)
    shares = terms.sub_(peak).exp_()
    total = shares.sum(dim=dim, keepdim=True)
    return total.log().add_(peak).squeeze(dim), shares.mul_(total.reciprocal_())
