"""The oracle: bits are changed and decoded, and the rest of the classifier is applied."""

from __future__ import annotations

from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai_dvae.bit_space import BitSpace

# The number of tensors of the layer's width held at a time and, in the generator, of its width at
# the picture's size.
_COPIES, _MAPS = 4, 6


class BitOracle(Oracle):
    """Answers with the classifier's predictions from decoded bits.

    do() sets bits of the code, the decoder maps the code to activations of the hidden layer, and
    the rest of the classifier is applied to these. The answer to the empty intervention is that for
    phi', the decoded code, which is close to that for the image if the code is good.

    The readback is the encoder's code of the decoded activations. Images are the generator's
    pictures of those activations. They show the input of the classifier's rest, but the logits are
    not computed from them.

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
