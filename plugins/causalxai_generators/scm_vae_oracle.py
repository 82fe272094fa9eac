"""The oracle of SCM-VAE: consequences follow by the mechanisms, and pictures are painted anew."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.plugin import PluginConfig
from causalxai_generators.picture_oracle import PictureOracle
from causalxai_generators.scm_vae_space import ScmVaeSpace


class ScmVaeOracle(PictureOracle):
    """Answers with what the classifier says of counterfactual pictures.

    The concepts' noise and the image's code were abducted by the space. do() sets concepts; what
    follows by the mechanisms follows with the individual's own noise. Without causes in the space's
    settings nothing follows. To hold a concept, set it to its own value in the same intervention.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        propagate
            Whether consequences follow by the mechanisms of the space. If not, all concepts that
            are not set are held.
        """

        propagate: bool = True

    config: Config
    accepts = ScmVaeSpace
    space: ScmVaeSpace

    @property
    def propagates(self) -> bool:
        """Whether a concept has causes, and consequences follow."""
        return self.config.propagate and bool(self.space.mechanisms_.of)

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return all concepts' values after interventions, ``[q, n, d]``."""
        after = interventions.apply(units.values)
        if not self.propagates:
            return after
        places = torch.arange(after.shape[-1], device=after.device)
        was_set = (interventions.targets.to(after.device)[..., None] == places).any(dim=1)
        before = units.values.expand_as(after)
        return self.space.mechanisms_.follow(before, after, was_set[:, None].expand_as(after))
