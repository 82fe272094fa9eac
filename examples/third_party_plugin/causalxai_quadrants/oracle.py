"""An oracle: it brightens or darkens quadrants and asks the classifier."""

from __future__ import annotations

from torch.nn.functional import interpolate

from causalxai import Capability, Intervention, Oracle, Response, Units
from causalxai.oracle import Want
from causalxai_quadrants.space import QuadrantSpace


class QuadrantOracle(Oracle):
    """Adds to each pixel what its quadrant's brightness is to change by, within [0, 1]."""

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})
    accepts = QuadrantSpace

    def _respond(self, units: Units, interventions: Intervention, _: tuple[Want, ...]) -> Response:
        kept = units.residual["image"]
        change = interventions.apply(units.values) - units.values
        # [q, n, 4] -> [q n, 1, 2, 2] -> [q n, 1, h, w] -> [q, n, 1, h, w]
        light = interpolate(change.reshape(-1, 1, 2, 2), size=kept.shape[-2:])
        images = (kept + light.unflatten(0, change.shape[:2])).clamp(0, 1)
        flat = images.flatten(0, 1)
        return Response(
            logits=self.classifier.logits(flat).unflatten(0, change.shape[:2]),
            readback=self.space.encode(flat).values.unflatten(0, change.shape[:2]),
            images=images,
        )
