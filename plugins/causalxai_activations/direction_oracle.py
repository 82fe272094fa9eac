"""The oracle: activations are moved along directions, and the rest of the network answers."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai_activations.direction_space import ACTIVATIONS, DirectionSpace

# The number of tensors of the layer's width held at a time.
_LAYERS = 4
_AT_ONCE = 128


class DirectionOracle(Oracle):
    """Answers with what the rest of the network makes of activations moved along directions.

    do() moves the activations along a concept's direction until the image is where it was set to
    be; several concepts move them one after another, in any order. The readback is the positions
    after that: directions are not orthogonal, so that a move along one also moves an image along
    others, which is no effect of one concept on another.
    """

    capabilities = frozenset({Capability.READBACK})
    judges_pictures = False

    propagates = False
    accepts = DirectionSpace
    space: DirectionSpace

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        space = self.space
        steps = (interventions.apply(units.values) - units.values) * space.spreads_.float()
        moved = units.residual[ACTIVATIONS] + steps @ space.directions_
        logits: Tensor | None = None
        readback: Tensor | None = None
        if "logits" in want:
            # The layers behind may be wider, and some networks run those before on as many images.
            parts = [space.layer_.logits(some) for some in moved.flatten(0, 1).split(_AT_ONCE)]
            logits = torch.cat(parts).unflatten(0, steps.shape[:2])
        if "readback" in want:
            positions = space.positions(moved.flatten(0, 1)).unflatten(0, steps.shape[:2])
            readback = ((positions - space.means_) / space.spreads_).float()
        return Response(logits=logits, readback=readback)

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        return super()._bytes_per_answer(want) + 4 * _LAYERS * self.space.layer_.width
