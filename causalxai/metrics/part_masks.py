"""Where the parts and objects of drawn images are, and which of them the prediction rests on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor

from causalxai.explainer import Explanation
from causalxai.metric import MetricUndefinedError, ScoringInputs
from causalxai.metrics.claimed_effects import TrueEffects
from causalxai.metrics.rendered import RenderedWorld
from causalxai.plugin import PluginConfig


class MasksConfig(PluginConfig):
    """The settings of metrics that compare maps with the masks of parts.

    Parameters
    ----------
    images
        The maximum number of images.
    """

    images: PositiveInt = 50


@dataclass(frozen=True)
class PartMasks:
    """Masks of images that are drawn.

    Parameters
    ----------
    names
        The ``m`` parts or objects.
    seen
        ``[n, m, h, w]`` bool, where they are seen in each image.
    contribution
        ``[n, m]`` float64, what each part contributes to the logit of the target class: what the
        logit loses when the part is removed or exchanged by drawing the image anew. ``None`` where
        the masks are of objects that are no concepts.
    """

    names: tuple[str, ...]
    seen: Tensor
    contribution: Tensor | None

    @classmethod
    def of(cls, inputs: ScoringInputs, images: Tensor, target: Tensor) -> PartMasks:
        """Draw the masks of images ``[n, c, h, w]``, and the images without each part.

        Masks that are named as boolean concepts are those of parts, and others are left out where
        there are such. A concept that is 0 in an image is not seen there.

        Raises
        ------
        CapabilityError
            If the data set has no renderer.
        MetricUndefinedError
            If the renderer knows no masks.
        """
        world = RenderedWorld.of(inputs.dataset, inputs.classifier, images)
        masks = world.renderer.masks(world.units, world.own)
        if not masks:
            raise MetricUndefinedError(
                "the renderer of this data set does not say where its parts or objects are"
            )
        places = {
            concept.name: place
            for place, concept in enumerate(world.concepts)
            if concept.name in masks and concept.is_binary
        }
        names = tuple(places) or tuple(masks)
        seen = torch.stack([masks[name][0] for name in names], dim=1).bool()
        if not places:
            return cls(names, seen, None)
        columns = torch.tensor(list(places.values()))
        there = world.units.values[:, columns].cpu() > 0
        contribution = -TrueEffects.of(world, target).total[:, columns]
        return cls(names, seen & there[..., None, None], contribution)

    def claims(self, explanation: Explanation, rows: Tensor) -> Tensor | None:
        """Return the importances ``[n, m]`` of parts that an explanation claims by their names.

        Importances of parts are what ``contribution`` is, so that nothing has to be translated. A
        part that is not named has 0. ``None`` if the explanation has a map, or names no part.

        Parameters
        ----------
        explanation
            What is scored.
        rows
            ``[n]``, which of its images these are.
        """
        importance = explanation.importance
        named = [place for place, name in enumerate(self.names) if name in explanation.concepts]
        if self.contribution is None or explanation.maps or importance is None or not named:
            return None
        columns = [explanation.concepts.index(self.names[place]) for place in named]
        claims = torch.zeros(len(rows), len(self.names), dtype=torch.float64)
        claims[:, named] = importance[rows][:, columns].cpu().double()
        return claims

    @property
    def present(self) -> Tensor:
        """``[n, m]``, whether a part is seen in an image."""
        return self.seen.any(dim=(2, 3))

    def decisive(self) -> tuple[Tensor, str]:
        """Return where the explanation should be, ``[n, h, w]``, and in words what that is.

        That is the part that contributes most to the target's logit, or any of the objects where
        these are no concepts.
        """
        if self.contribution is None:
            return self.seen.any(dim=1), f"within {', '.join(self.names)}"
        known = torch.where(self.present, self.contribution, -torch.inf)
        best = known.argmax(dim=1)
        return self.seen[torch.arange(len(best)), best], "within the part that contributes most"
