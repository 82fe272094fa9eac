"""The oracle: change bits, decode them, and let the rest of the classifier go on from there."""

from __future__ import annotations

from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept_space import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai_dvae.bit_space import BitSpace

# How many tensors of the layer's width there are at a time, and, while the generator paints, of
# its width at the picture's size.
_COPIES, _MAPS = 4, 6


class BitOracle(Oracle):
    """Answers with what the classifier makes of decoded bits.

    do() sets bits of the code; the decoder turns them into activations of the hidden layer, and
    the classifier goes on from those. The answer to the empty intervention is that to phi', the
    layer as its code knows it, which is close to the image's own where the code is good.

    The readback is the code that the encoder reads in the decoded activations. Images are what
    the generator paints of those activations: they show what the classifier is told, but it does
    not look at them, and the logits are not theirs.

    Notes
    -----
    Source: *Latent space explanation by intervention*, figure 2.
    """

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})
    judges_pictures = False

    propagates = False
    accepts = BitSpace
    space: BitSpace

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        bits = self.space
        code = interventions.apply(units.values)
        activations = bits.autoencoder_.decode(code.flatten(0, 1))

        def by_unit(answer: Tensor) -> Tensor:
            unflattened: Tensor = answer.unflatten(0, code.shape[:2])
            return unflattened

        return Response(
            logits=by_unit(bits.layer_.logits(activations)) if "logits" in want else None,
            readback=by_unit(bits.autoencoder_.code(activations)) if "readback" in want else None,
            images=by_unit(bits.generator_.paint(activations)) if "images" in want else None,
        )

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        floats = _COPIES * self.space.layer_.width
        if "images" in want:
            _, height, width = self.classifier.image_shape
            floats += _MAPS * self.space.generator_.channels[-1] * height * width
        return super()._bytes_per_answer(want) + 4 * floats
