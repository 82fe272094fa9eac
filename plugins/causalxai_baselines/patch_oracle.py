"""The oracle of image patches: predictions for images with patches removed."""

from __future__ import annotations

from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai.plugin import PluginConfig
from causalxai_baselines.attribution import NOTHING, Baseline, baseline_of
from causalxai_baselines.patch_space import PatchSpace


class PatchOracle(Oracle):
    """Replaces patches by a baseline and applies the classifier.

    A value between 0 and 1 mixes the patch with the baseline. Images with removed patches are
    outside the training distribution: the answers are exact, but for unusual images.
    """

    capabilities = frozenset({Capability.IMAGES})

    class Config(PluginConfig):
        """Settings of ``PatchOracle``.

        Parameters
        ----------
        baseline
            The replacement of a removed patch: black, grey, or the image's mean colour.
        """

        baseline: Baseline = NOTHING

    config: Config

    propagates = False
    accepts = PatchSpace
    space: PatchSpace

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        images = units.residual["image"]
        there = interventions.apply(units.values).clamp(0, 1)
        mask = self.space.spread(there, *images.shape[2:])[:, :, None]
        empty = baseline_of(images, self.config.baseline)
        shown: Tensor = (images * mask + empty * (1 - mask)).flatten(0, 1)
        by_unit = there.shape[:2]
        return Response(
            logits=self.classifier.logits(shown).unflatten(0, by_unit)
            if "logits" in want
            else None,
            images=shown.unflatten(0, by_unit) if "images" in want else None,
        )

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        # The mask and the image need memory whether they are wanted or not.
        return super()._bytes_per_answer(want) + 4 * 3 * self.classifier.image_size
