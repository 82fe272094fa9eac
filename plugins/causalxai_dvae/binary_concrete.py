"""The binary concrete distribution: differentiable samples of bits."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from causalxai.training.data_parallel import draw_rows

# Half the step of torch.rand in single precision, which keeps logistic variables finite.
_LEAST = 2.0**-25


def sample_binary_concrete(
    logits: Tensor, temperature: float, rng: torch.Generator, *, hard: bool
) -> Tensor:
    """Draw relaxed or straight-through bits, with gradients with respect to ``logits``.

    Parameters
    ----------
    logits
        ``[..., b]``, the logits of each bit being one.
    temperature
        The temperature, above 0. With a lower temperature, the relaxed bits lie nearer to 0 and 1,
        and the variance of the gradient is larger.
    rng
        A CPU generator.
    hard
        Whether the value is the bit itself, 0 or 1, with the gradient of the relaxed bit
        (*straight-through*).

    Returns
    -------
    Tensor
        ``[..., b]`` in [0, 1]. Each is above 1/2 with probability ``sigmoid(logits)`` at any
        temperature, so that hard bits are exact draws.

    Notes
    -----
    Source: Maddison, Mnih and Teh 2017, appendix B; Jang, Gu and Poole 2017, section 2.2:
    ``sigmoid((logits + L) / temperature)`` with ``L`` logistic, the difference of two Gumbels.
    """
    uniform = draw_rows(torch.rand, logits.shape, rng).clamp(min=_LEAST).to(logits)
    relaxed = torch.sigmoid((logits + torch.logit(uniform)) / temperature)
    if not hard:
        return relaxed
    bits = (relaxed > 0.5).to(relaxed)
    return bits + (relaxed - relaxed.detach())


def bernoulli_kl(logits: Tensor) -> Tensor:
    """Return the divergence of each bit from a fair coin, in closed form.

    Parameters
    ----------
    logits
        ``[..., b]``, the logits of each bit being one.

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
