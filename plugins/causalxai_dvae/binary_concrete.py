"""Boolean chance that gradients pass through: the binary concrete distribution."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

# Half the step of torch.rand in single precision: a logistic variable stays finite.
_LEAST = 2.0**-25


def sample_binary_concrete(
    logits: Tensor, temperature: float, rng: torch.Generator, *, hard: bool
) -> Tensor:
    """Draw relaxed or straight-through bits; gradients flow to ``logits``.

    Parameters
    ----------
    logits
        ``[..., b]``, of each bit being one.
    temperature
        Above 0. The lower, the nearer the relaxed bits lie to 0 and 1, and the more the
        gradient varies.
    rng
        A CPU generator.
    hard
        Whether the value is the bit itself, 0 or 1, with the gradient of the relaxed one
        (*straight-through*).

    Returns
    -------
    Tensor
        ``[..., b]`` in [0, 1]. Each is above 1/2 with its probability ``sigmoid(logits)``, at
        any temperature; so the hard bits are exact draws.

    Notes
    -----
    Source: Maddison, Mnih and Teh 2017, appendix B; Jang, Gu and Poole 2017, section 2.2:
    ``sigmoid((logits + L) / temperature)`` with ``L`` logistic, the difference of two Gumbels.
    """
    uniform = torch.rand(logits.shape, generator=rng).clamp(min=_LEAST).to(logits)
    relaxed = torch.sigmoid((logits + torch.logit(uniform)) / temperature)
    if not hard:
        return relaxed
    bits = (relaxed > 0.5).to(relaxed)
    return bits + (relaxed - relaxed.detach())


def bernoulli_kl(logits: Tensor) -> Tensor:
    """Return each bit's divergence from a fair coin, in closed form.

    Parameters
    ----------
    logits
        ``[..., b]``, of each bit being one.

    Returns
    -------
    Tensor
        ``[..., b]``, ``KL(Bernoulli(sigmoid(logits)) || Bernoulli(1/2))`` in nats, in
        [0, log 2].

    Notes
    -----
    Source: *Latent space explanation by intervention*, equation 1, with a uniform prior.
    """
    one = torch.sigmoid(logits) * F.logsigmoid(logits)
    zero = torch.sigmoid(-logits) * F.logsigmoid(-logits)
    return math.log(2) + one + zero
