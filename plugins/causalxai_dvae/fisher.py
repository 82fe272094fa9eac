"""Functional Fisher information: how much a function depends on each unit of a hidden layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from causalxai.training.data_parallel import draw_rows

Map: TypeAlias = Callable[[Tensor], Tensor]


def functional_fisher(
    logit_map: Map,
    points: Tensor,
    *,
    rng: torch.Generator,
    samples: int = 1,
    create_graph: bool = False,
    at_once: int | None = None,
) -> Tensor:
    """Estimate the Fisher information of a map into [0, 1] about each coordinate.

    Parameters
    ----------
    logit_map
        Maps ``[n, d]`` to logits ``a``, ``[n, ...]``, row by row; the function is ``g =
        sigmoid(a)``.
    points
        ``[n, d]``, the means of the Gaussians with unit covariance.
    rng
        A CPU generator.
    samples
        The number of draws for each point; the estimate is unbiased for any number.
    create_graph
        Whether the result is differentiable with respect to the parameters of ``logit_map``.
    at_once
        The number of points that are mapped together, which takes memory; by default all. The
        draws are the same for any number.

    Returns
    -------
    Tensor
        ``[n, d]``, at least 0.

    Notes
    -----
    Source: *Latent space explanation by intervention*, equations 3 to 5. These are stated for
    one non-negative function ``h``, as ``E h'^2 / h``. A pixel in [0, 1] is a Bernoulli
    distribution, and its information is the sum over both outcomes, ``g`` and ``1 - g``:
    ``a'^2 g (1 - g)``; `functional_fisher_literal` has the printed form too. The sum over pixels
    is estimated with random signs ``v``, one vector-Jacobian product for all coordinates,
    ``E [((da/dz)^T (v sqrt(g (1 - g))))_i^2]`` (Hutchinson). In terms of logits nothing is
    divided by ``g``, which may be 0.

    The expectation is over all coordinates of ``z`` jointly. This differs from equation 4, where
    only the i-th coordinate is drawn and the others stay at ``points``; the two are close if the
    map is nearly linear within a standard deviation.
    """

    def root(logits: Tensor) -> Tensor:
        # sqrt(g (1 - g)), computed in logarithms: the gradient of the square root is NaN at 0.
        return torch.exp((F.logsigmoid(logits) + F.logsigmoid(-logits)) / 2)

    def probe(logits: Tensor) -> Tensor:
        return _signs(logits, rng) * root(logits)

    return _information(logit_map, probe, points, rng, samples, create_graph, at_once)


def class_fisher(
    head: Map,
    points: Tensor,
    *,
    rng: torch.Generator,
    samples: int = 1,
    create_graph: bool = False,
    at_once: int | None = None,
) -> Tensor:
    """Estimate the Fisher information of a classifier's rest about each coordinate.

    Parameters
    ----------
    head
        Maps ``[n, d]`` to the logits of K classes, ``[n, K]``.
    points, rng, samples, create_graph, at_once
        As for `functional_fisher`.

    Returns
    -------
    Tensor
        ``[n, d]``, at least 0: ``E sum_k p_k (d log p_k / dz_i)^2``. Of two classes that is
        `functional_fisher` of the difference of their logits; for a linear head then
        proportional to the squared difference of their weights.
    """

    def probe(logits: Tensor) -> Tensor:
        log_p = logits.log_softmax(dim=1)
        # sum_k v_k sqrt(p_k) d log p_k / d logits with random signs v (Hutchinson).
        tossed = _signs(logits, rng) * torch.exp(log_p / 2)
        product = tossed - log_p.exp() * tossed.sum(dim=1, keepdim=True)
        # The entries add up to zero. The one of the likeliest class is computed from the others,
        # because it would be lost in rounding where the class is almost certain.
        top = logits.argmax(dim=1, keepdim=True)
        others = product.scatter(1, top, 0.0)
        return others.scatter(1, top, -others.sum(dim=1, keepdim=True))

    return _information(head, probe, points, rng, samples, create_graph, at_once)


def _information(
    function: Map,
    probe: Map,
    points: Tensor,
    rng: torch.Generator,
    samples: int,
    create_graph: bool,
    at_once: int | None,
) -> Tensor:
    """Average the squared products of the transposed Jacobian with ``probe`` of the output."""

    def product(drawn: Tensor) -> Tensor:
        with torch.enable_grad():
            z = drawn.requires_grad_()
            output = function(z)
            (found,) = torch.autograd.grad(output, z, probe(output), create_graph=create_graph)
        # Of a map that only rearranges, the product is the probe, which has a gradient.
        return found if create_graph else found.detach()

    size = max(1, len(points)) if at_once is None else at_once
    total = torch.zeros_like(points)
    # E [((da/dz)^T v)_i^2] over z ~ N(points, 1): one vector-Jacobian product for each draw.
    for _ in range(samples):
        drawn = points.detach() + draw_rows(torch.randn, points.shape, rng).to(points)
        # The parts have their own leaves, not views of one tensor.
        products = [product(some.clone()) for some in drawn.split(size)]
        total = total + torch.cat(products).square()
    return total / samples


def _signs(like: Tensor, rng: torch.Generator) -> Tensor:
    return (2 * draw_rows(partial(torch.randint, 2), like.shape, rng) - 1).to(like)


@torch.no_grad()
def functional_fisher_literal(
    logit_map: Map,
    points: Tensor,
    *,
    rng: torch.Generator,
    samples: int,
    both_outcomes: bool = True,
) -> Tensor:
    """Estimate the information as printed in equation 4: one coordinate is drawn at a time.

    `functional_fisher` draws all coordinates jointly, so that the two estimate different
    quantities, which are close if the map is nearly linear within a standard deviation. This
    function takes d times as long and serves for comparison.

    Parameters
    ----------
    logit_map, points, rng
        As for `functional_fisher`.
    samples
        The number of draws for each coordinate of each point.
    both_outcomes
        ``False`` for ``E g'^2 / g`` alone, which is not symmetric in black and white: changes of
        dark pixels count much more than changes of bright ones.

    Returns
    -------
    Tensor
        ``[n, d]``, at least 0.

    Notes
    -----
    Source: *Latent space explanation by intervention*, equation 4: only the i-th coordinate is
    drawn, from ``N(points[i], 1)``, and the others stay. ``g'^2 / g`` is computed as
    ``a'^2 g (1 - g)^2``, and ``g'^2 / g + g'^2 / (1 - g)`` as ``a'^2 g (1 - g)``.
    """
    total = torch.zeros_like(points)
    for i in range(points.shape[1]):
        along = torch.zeros_like(points)
        along[:, i] = 1
        for _ in range(samples):
            noise = torch.randn(len(points), 1, generator=rng).to(points)
            at = (points + noise * along,)
            logits, slope = cast("tuple[Tensor, Tensor]", torch.func.jvp(logit_map, at, (along,)))
            # a'^2 g (1 - g), summed over the outputs (equations 4 and 5).
            weight = torch.sigmoid(logits) * torch.sigmoid(-logits)
            if not both_outcomes:
                weight = weight * torch.sigmoid(-logits)
            total[:, i] += (slope.square() * weight).flatten(1).sum(dim=1)
    return total / samples
