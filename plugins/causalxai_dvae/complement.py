"""Activations decoded from their code and from its complement, with every bit flipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from causalxai.network.hidden_layer import HiddenLayer
from causalxai_dvae.autoencoder import DiscreteAutoencoder

_AT_ONCE = 256


@dataclass(frozen=True)
class ComplementedCode:
    """Activations that are decoded from a code and from its complement, with predictions.

    All tensors are on the autoencoder's device.

    Parameters
    ----------
    code
        z, ``[n, b]``, floats 0 or 1.
    kept
        phi' = decode(z), ``[n, d]``.
    flipped
        psi = decode(1 - z), ``[n, d]``.
    classes, classes_kept, classes_flipped
        ``[n]``, the predictions of the classifier's rest from phi, phi' and psi.
    """

    code: Tensor
    kept: Tensor
    flipped: Tensor
    classes: Tensor
    classes_kept: Tensor
    classes_flipped: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, autoencoder: DiscreteAutoencoder, layer: HiddenLayer, activations: Tensor) -> Self:
        """Encode, decode and flip activations, in batches.

        Parameters
        ----------
        autoencoder, layer
            On one device.
        activations
            phi, ``[n, d]`` or ``[n, *shape]``, on any device.
        """
        phi = activations.flatten(1).to(autoencoder.mean.device)
        code = in_batches(autoencoder.code, phi)
        kept, flipped = (in_batches(autoencoder.decode, bits) for bits in (code, 1 - code))
        logits = (in_batches(layer.logits, x) for x in (phi, kept, flipped))
        return cls(code, kept, flipped, *(one.argmax(dim=1) for one in logits))

    @property
    def prediction_changed(self) -> Tensor:
        """``[n]``, bool: whether the predictions from psi and from phi' differ."""
        return self.classes_flipped != self.classes_kept


def in_batches(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """Apply a function of rows in batches of some hundred."""
    return torch.cat([function(batch) for batch in rows.split(_AT_ONCE)])
