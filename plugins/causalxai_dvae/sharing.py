"""How far a generator and a classifier draw from the same units of a hidden layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.hidden_layer import HiddenLayer
from causalxai_dvae.autoencoder import DiscreteAutoencoder
from causalxai_dvae.fisher import class_fisher, functional_fisher
from causalxai_dvae.generator import Generator

_AT_ONCE = 256
_LEAST_RELIABILITY = 1e-3


@dataclass(frozen=True)
class Shared:
    """How far the generator and the classifier draw from the same units of a layer.

    Parameters
    ----------
    cosine
        ``[n]`` in [0, 1], image by image, between the information of g at phi' and that of f_K
        at phi.
    shuffled
        ``[n]``, the same with the units of f_K's information permuted: the level of chance.
    of_means
        The cosine between both informations' means over images.
    """

    cosine: Tensor
    shuffled: Tensor
    of_means: float


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
        Draws for each image, at least 2; half of them for each of two estimates.

    Notes
    -----
    Source: *Latent space explanation by intervention*, table 2. Estimates scatter, and the cosine
    of two that scatter is less than that of what they estimate (.59 for equal information at one
    draw, .90 at eight). So each information is estimated twice, apart, and the cosine is divided
    by those of both with themselves: Spearman's correction for attenuation ("The proof and
    measurement of association between two things", 1904). What is left lies within .02 of a
    thousand draws' cosine from eight on.

    A high cosine is no better picture: with a large weight of the information it nears 1 while
    the pictures fade.
    """

    def generators(phi: Tensor) -> Tensor:
        with torch.no_grad():
            kept = autoencoder.reconstruct(phi)
        return functional_fisher(generator, kept, rng=rng, samples=samples // 2)

    def classifiers(phi: Tensor) -> Tensor:
        return class_fisher(layer.logits, phi, rng=rng, samples=samples // 2)

    own, other = _twice(generators, activations), _twice(classifiers, activations)
    permuted = torch.rand(own.shape[1:], generator=rng).argsort(dim=1).expand_as(other)
    means = own.mean(dim=(0, 1)), other.mean(dim=(0, 1))
    return Shared(
        cosine=_corrected(own, other),
        shuffled=_corrected(own, other.gather(2, permuted)),
        of_means=float(_cosine(*means)),
    )


def _twice(estimate: Callable[[Tensor], Tensor], activations: Tensor) -> Tensor:
    """Return ``[2, n, d]``, two estimates, in double precision."""
    batches = activations.detach().split(_AT_ONCE)
    halves = [torch.cat([estimate(phi) for phi in batches]) for _ in range(2)]
    return torch.stack(halves).cpu().double()


def _corrected(own: Tensor, other: Tensor) -> Tensor:
    """Return ``[n]``, the cosine of what ``[2, n, d]`` and ``[2, n, d]`` estimate."""
    apart = _cosine(own[:, None], other[None]).mean(dim=(0, 1))
    reliability = _cosine(own[0], own[1]) * _cosine(other[0], other[1])
    return (apart / reliability.clamp(min=_LEAST_RELIABILITY).sqrt()).clamp(max=1)


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    norms = one.norm(dim=-1) * other.norm(dim=-1)
    cosine: Tensor = (one * other).sum(dim=-1) / norms.clamp(min=torch.finfo(norms.dtype).tiny)
    return cosine
