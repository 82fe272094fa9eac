"""The overlap of the Fisher information of a generator and of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.memory import rows_that_fit
from causalxai.metrics.resampling import Rows
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.network.working_memory import bytes_for_gradients
from causalxai_dvae.autoencoder import DiscreteAutoencoder
from causalxai_dvae.complement import in_batches
from causalxai_dvae.fisher import class_fisher, functional_fisher
from causalxai_dvae.generator import Generator

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Shared:
    """The similarity of the Fisher information of the generator and of the classifier.

    Both vectors of information are estimated twice for each image. The fields are cosines, ``[n]``.

    Parameters
    ----------
    apart
        The mean cosine between an estimate for g at phi' and one for f_K at phi.
    shuffled
        The same with the units of f_K permuted.
    own, other
        The cosine between both estimates for g, and between both for f_K: their reliability.
    of_means
        The cosine between the means over images of both.
    """

    apart: Values
    shuffled: Values
    own: Values
    other: Values
    of_means: float

    def cosine(self, rows: Rows | None = None) -> float:
        """Return the cosine, corrected for attenuation and in [0, 1], over some or all images."""
        return self._corrected(self.apart, rows)

    def by_chance(self, rows: Rows | None = None) -> float:
        """Return the same with permuted units of one of the two."""
        return self._corrected(self.shuffled, rows)

    def _corrected(self, cosines: Values, rows: Rows | None) -> float:
        chosen = slice(None) if rows is None else rows
        reliability = self.own[chosen].mean() * self.other[chosen].mean()
        return (
            min(1.0, float(cosines[chosen].mean() / np.sqrt(reliability))) if reliability else 0.0
        )


def shared_information(
    generator: Generator,
    layer: HiddenLayer,
    autoencoder: DiscreteAutoencoder,
    activations: Tensor,
    *,
    rng: torch.Generator,
    samples: int = 8,
) -> Shared:
    """Compare the Fisher information of the generator and of the classifier about a layer.

    Parameters
    ----------
    generator, layer, autoencoder
        On one device.
    activations
        ``[n, d]``, the layer's.
    rng
        A CPU generator.
    samples
        The number of draws for each image, half of them for each of two estimates.

    Raises
    ------
    ValueError
        If ``samples`` is odd, or less than 2.

    Notes
    -----
    Source: *Latent space explanation by intervention*, table 2. The cosine of two noisy estimates
    is less than that of the true values (.59 for equal information at one draw, .90 at eight). Each
    is therefore estimated twice, independently, and the mean cosine is divided by the geometric
    mean of the two mean cosines between repeated estimates: Spearman's correction for attenuation
    ("The proof and measurement of association between two things", 1904).

    A higher cosine does not mean better pictures: with a large weight of the information it
    approaches 1 while the pictures lose their content.
    """
    if samples < 2 or samples % 2:
        raise ValueError(f"samples must be an even number, for two estimates, not {samples}")

    def generators(phi: Tensor) -> Tensor:
        with torch.no_grad():
            kept = autoencoder.reconstruct(phi)
        size = rows_that_fit(bytes_for_gradients(generator, kept[:1], [generator]), len(phi))
        return functional_fisher(generator, kept, rng=rng, samples=samples // 2, at_once=size)

    def classifiers(phi: Tensor) -> Tensor:
        size = rows_that_fit(bytes_for_gradients(layer.logits, phi[:1], []), len(phi))
        return class_fisher(layer.logits, phi, rng=rng, samples=samples // 2, at_once=size)

    own, other = _twice(generators, activations), _twice(classifiers, activations)
    permuted = torch.rand(own.shape[1:], generator=rng).argsort(dim=1).expand_as(other)
    shuffled = other.gather(2, permuted)
    return Shared(
        apart=_cosine(own[:, None], other[None]).mean(dim=(0, 1)).numpy(),
        shuffled=_cosine(own[:, None], shuffled[None]).mean(dim=(0, 1)).numpy(),
        own=_cosine(own[0], own[1]).numpy(),
        other=_cosine(other[0], other[1]).numpy(),
        of_means=float(_cosine(own.mean(dim=(0, 1)), other.mean(dim=(0, 1)))),
    )


def _twice(estimate: Callable[[Tensor], Tensor], activations: Tensor) -> Tensor:
    """Return ``[2, n, d]``, two estimates, in double precision."""
    phi = activations.detach()
    return torch.stack([in_batches(estimate, phi) for _ in range(2)]).cpu().double()


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    norms = one.norm(dim=-1) * other.norm(dim=-1)
    cosine: Tensor = (one * other).sum(dim=-1) / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    return cosine
