"""The oracle: abduct, act on the concepts, let the SCM layer predict, paint, and look again."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept_space import Units
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai.plugin import PluginConfig
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.scm import Following, StructuralModel
from causalxai_glance.twin.generator import width

# How many feature maps of a picture's height and width are there at a time: in a generator, as a
# multiple of its width at that size, and in a classifier.
_GENERATOR_MAPS, _CLASSIFIER_MAPS = 10, 64


class TwinOracle(Oracle):
    """Answers with pictures that the twin paints and the classifier looks at.

    do() on a named concept changes the concepts that it causes according to the SCM layer:
    their noise is abducted from the unit and kept. Unnamed latents stay as they are. To hold a
    concept, set it to its own value in the same intervention.

    The answer to the empty intervention is the twin's own picture of the unit, which the
    classifier sees much as it sees the image.
    """

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})

    class Config(PluginConfig):
        """Settings of ``TwinOracle``.

        Parameters
        ----------
        propagate
            Whether the effects of do() spread through the SCM layer. Without, the latents are
            set and nothing else, as GLANCE does.
        following
            What becomes of a boolean concept whose causes changed. ``expected``: the probability
            that it would be there, so that means over units are right also where no single unit
            would turn, and a reading between 0 and 1 stays what it is. ``likeliest``: 0 or 1.
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
        """Return all concepts' values after interventions, ``[q, n, d]``, before any picture."""
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
    """Ask the SCM layer, in double precision; what it leaves alone keeps its bits."""
    answer = scm.counterfactual(
        values.cpu().double().numpy(),
        targets.cpu().numpy(),
        settings.cpu().double().numpy(),
        following=following,
    )
    return torch.from_numpy(answer).to(values)
