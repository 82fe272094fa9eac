"""An explainer that changes one concept at a time."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.scope import ScopeConfig, choose
from causalxai.generic.unit_effects import unit_effects
from causalxai.generic.what_ifs import unit_what_ifs


class SingleEffects(Explainer):
    """Changes each concept alone by one unit and asks for the effect on the target's logit.

    Continuous concepts are shifted by a standard deviation, boolean ones flipped, parameters
    removed. ``importance`` is what one unit adds to the logit, with all that follows from it; a
    boolean concept or a parameter adds, as it stands, what its flip or removal takes away.

    ``meta`` tells how many concepts were left out because their effects are weaker than those of
    the ``most`` strongest.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(ScopeConfig):
        """Settings, beside ``layers`` and ``most``.

        Parameters
        ----------
        direction
            Whether concepts that can go either way go up or down.
        pictures
            For how many images the pictures of changed concepts are kept, where there are any.
        """

        direction: Literal["up", "down"] = "up"
        pictures: NonNegativeInt = 24

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle, up = inputs.need_oracle(), self.config.direction == "up"
        units = oracle.space.encode(images)
        scope = choose(oracle, units, target, self.config)
        importance = unit_effects(oracle, units, target, scope.places, up=up).importance
        most = self.config.pictures
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=scope.names,
            importance=importance,
            what_ifs=unit_what_ifs(oracle, units, target, scope, importance, most=most, up=up),
            units=units,
            meta={**scope.summary(), "direction": self.config.direction},
        )
