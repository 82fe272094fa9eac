"""The oracle: coefficients of factors are changed, and the rest of the network answers."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai_activations.factor_space import ACTIVATIONS, MAPS, FactorSpace
from causalxai_activations.factorisation import coefficients

# The number of tensors of the layer's width, and of the factors' maps, held at a time.
_LAYERS, _MAPS = 4, 4


class FactorOracle(Oracle):
    """Answers with what the rest of the network makes of activations with changed factors.

    do() sets a factor's mean coefficient. To a lower value, its coefficients are scaled down in all
    places, to 0 where it is removed; to a higher value, the same amount is added in all places,
    because an image may have nothing of the factor that could be scaled. Values below 0 count as 0.
    What the factors do not make up stays as it is, and activations that would be negative are set
    to 0, as the layer has none.

    The readback is the coefficients that are read from the changed activations. Factors are not
    orthogonal, so that some of what is added to one may be read as another.
    """

    capabilities = frozenset({Capability.READBACK})
    judges_pictures = False

    propagates = False
    accepts = FactorSpace
    space: FactorSpace

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return the coefficients' means after interventions, ``[q, n, k]``; at least 0."""
        return interventions.apply(units.values).clamp(min=0)

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        space = self.space
        change = _change_of_maps(units, self.states(units, interventions))
        changed = torch.einsum("qnkhw,kc->qnchw", change, space.factors_)
        activations = (units.residual[ACTIVATIONS] + changed).clamp(min=0)
        logits = readback = None
        if "logits" in want:
            logits = space.layer_.logits(activations.flatten(0, 1)).unflatten(0, change.shape[:2])
        if "readback" in want:
            readback = coefficients(activations.movedim(2, -1), space.factors_).mean(dim=(2, 3))
        return Response(logits=logits, readback=readback)

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        channels, height, width = self.space.layer_.shape
        depth = _LAYERS * channels + _MAPS * len(self.space.factors_)
        return super()._bytes_per_answer(want) + 4 * depth * height * width


def _change_of_maps(units: Units, state: Tensor) -> Tensor:
    """Return what is added to the coefficients in every place, ``[q, n, k, h, w]``."""
    own, maps = units.values, units.residual[MAPS]
    share = torch.where(own > 0, state / own.where(own > 0, torch.ones_like(own)), 1.0) - 1
    lowered = maps * share[..., None, None]
    raised = (state - own)[..., None, None]
    return torch.where((state < own)[..., None, None], lowered, raised)
