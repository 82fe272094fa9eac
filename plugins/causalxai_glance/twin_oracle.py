"""The oracle: abduction, action, prediction in the SCM layer, rendering, re-extraction."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai.plugin import PluginConfig
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.scm import Following, StructuralModel
from causalxai_glance.twin.generator import width

# The number of feature maps of the image's height and width held at a time: in a generator, as a
# multiple of its width at that size, and in a classifier.
_GENERATOR_MAPS, _CLASSIFIER_MAPS = 10, 64


class TwinOracle(Oracle):
    """Answers with images that the twin generates and the classifier then classifies.

    do() on a named concept changes its effects according to the SCM layer, with the noise that was
    abducted from the unit. Unnamed latents keep their values. To hold a concept, set it to its
    factual value in the same intervention.

    The answer to the empty intervention is that for the twin's reconstruction of the unit, which
    the classifier sees much as it sees the image.
    """

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})

    class Config(PluginConfig):
        """Settings of ``TwinOracle``.

        Parameters
        ----------
        propagate
            Whether the effects of do() propagate through the SCM layer. If not, do() sets the
            latents and changes nothing else, as in GLANCE.
        following
            The counterfactual value of a boolean concept whose causes changed. ``expected`` is the
            probability that it would be present, which makes means over units correct even where no
            single unit would change its value, and keeps readings between 0 and 1. ``likeliest`` is
            0 or 1.
        """

        propagate: bool = True
        following: Following = "expected"

    config: Config

    accepts = LatentSpace
    space: LatentSpace

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        states = self.states(units, interventions)
        latents = self.space.latents(states)
        images = self.space.twin_.render(latents.flatten(0, 1))
        embeddings, logits = self.classifier.embed_and_classify(images)
        q, n = states.shape[:2]
        readback = None
        if "readback" in want:
            readback = self.space.values(self.space.twin_.latents(embeddings))
        return Response(
            logits=logits.unflatten(0, (q, n)) if "logits" in want else None,
            readback=None if readback is None else readback.unflatten(0, (q, n)),
            images=images.unflatten(0, (q, n)) if "images" in want else None,
        )

    @property
    def propagates(self) -> bool:
        """Whether the SCM layer has effects follow."""
        return self.config.propagate and self.space.scm_ is not None

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return all concepts' values after interventions, ``[q, n, d]``, before rendering."""
        after = interventions.apply(units.values)
        scm = self.space.scm_
        if scm is None or not self.propagates:
            return after
        named = len(self.space.named_)
        targets = interventions.targets
        targets = targets.where(targets < named, torch.full_like(targets, NO_TARGET))
        predicted = _counterfactual(
            scm,
            units.values[:, :named],
            targets,
            interventions.resolve(units.values),
            self.config.following,
        )
        return torch.cat([predicted, after[..., named:]], dim=2)

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        _, height, side = self.classifier.image_shape
        wide = width(self.space.config.channels, side)
        maps = _GENERATOR_MAPS * wide + _CLASSIFIER_MAPS
        return super()._bytes_per_answer(want) + 4 * maps * height * side


def _counterfactual(
    scm: StructuralModel, values: Tensor, targets: Tensor, settings: Tensor, following: Following
) -> Tensor:
    """Compute counterfactuals in double precision; unchanged values stay identical to the bit."""
    answer = scm.counterfactual(
        values.cpu().double().numpy(),
        targets.cpu().numpy(),
        settings.cpu().double().numpy(),
        following=following,
    )
    return torch.from_numpy(answer).to(values)
