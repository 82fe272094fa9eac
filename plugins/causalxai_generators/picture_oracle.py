"""An oracle for every concept space that paints pictures."""

from __future__ import annotations

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai_generators.picture_space import PictureSpace

_CLASSIFIER_MAPS = 64
"""The number of feature maps of the image's size that a classifier is assumed to hold at a time."""


class PictureOracle(Oracle):
    """Answers with what the classifier says of the pictures of a space that paints them."""

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})
    accepts = PictureSpace
    space: PictureSpace

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        space, states = self.space, self.states(units, interventions)
        images = space.pictures(units, states)
        flat = images.flatten(0, 1)
        return Response(
            logits=self.classifier.logits(flat).unflatten(0, states.shape[:2])
            if "logits" in want
            else None,
            readback=space.read(flat).unflatten(0, states.shape[:2])
            if "readback" in want
            else None,
            images=images if "images" in want else None,
        )

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        _, height, width = self.classifier.image_shape
        maps = 4 * _CLASSIFIER_MAPS * height * width
        return super()._bytes_per_answer(want) + maps + self.space.bytes_of_a_picture_
