"""How far a generator and a classifier draw from the same units of a hidden layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalxai.metrics.resampling import Rows
from causalxai.network.hidden_layer import HiddenLayer
from causalxai_dvae.autoencoder import DiscreteAutoencoder
from causalxai_dvae.complement import in_batches
from causalxai_dvae.fisher import class_fisher, functional_fisher
from causalxai_dvae.generator import Generator

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Shared:
    """How far the generator and the classifier draw from the same units of a layer.

    Both informations are estimated twice for each image; what is kept are cosines, ``[n]``.

    Parameters
    ----------
    apart
        Between an estimate of g's at phi' and one of f_K's at phi, on average.
    shuffled
        The same with the units of f_K's permuted.
    own, other
        Between both estimates of g's, and between both of f_K's: how reliable they are.
    of_means
        The cosine between both informations' means over images.
    """

    apart: Values
    shuffled: Values
    own: Values
    other: Values
    of_means: float

    def cosine(self, rows: Rows | None = None) -> float:
        """Return the cosine of what is estimated, in [0, 1], over some images or all."""
        return self._corrected(self.apart, rows)

    def by_chance(self, rows: Rows | None = None) -> float:
        """Return the same with the units of one permuted."""
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
    """Compare what the generator and what the classifier draw from a layer.

    Parameters
    ----------
    generator, layer, autoencoder
        On one device.
    activations
        ``[n, d]``, the layer's.
    rng
        A CPU generator.
    samples
        Draws for each image, half of them for each of two estimates.

    Raises
    ------
    ValueError
        If ``samples`` is odd, or less than 2.

    Notes
    -----
    Source: *Latent space explanation by intervention*, table 2. Estimates scatter, and the cosine
    of two that scatter is less than that of what they estimate (.59 for equal information at one
    draw, .90 at eight). So each information is estimated twice, apart, and the mean cosine is
    divided by the geometric mean of both mean cosines with itself: Spearman's correction for
    attenuation ("The proof and measurement of association between two things", 1904).

    A high cosine is no better picture: with a large weight of the information it nears 1 while
    the pictures fade.
    """
    if samples < 2 or samples % 2:
        raise ValueError(f"samples are drawn for two estimates: an even number, not {samples}")

    def generators(phi: Tensor) -> Tensor:
        with torch.no_grad():
            kept = autoencoder.reconstruct(phi)
        return functional_fisher(generator, kept, rng=rng, samples=samples // 2)

    def classifiers(phi: Tensor) -> Tensor:
        return class_fisher(layer.logits, phi, rng=rng, samples=samples // 2)

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
