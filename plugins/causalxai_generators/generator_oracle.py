"""The oracle of the user's generator: latents are moved along directions and decoded."""

from __future__ import annotations

from causalxai_generators.generator_space import GeneratorSpace
from causalxai_generators.picture_oracle import PictureOracle


class GeneratorOracle(PictureOracle):
    """Answers with what the classifier says of the pictures of the user's generator.

    do() moves the latents along the concept's direction, by which the readings of the other
    concepts stay; no concept follows another one. The readback is what the generator's own encoder
    reads from the picture.
    """

    propagates = False
    accepts = GeneratorSpace
    space: GeneratorSpace
