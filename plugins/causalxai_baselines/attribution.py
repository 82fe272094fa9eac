"""What attributions of pixels share: batches, baselines, one map, and its picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.plugin import PluginConfig

Baseline: TypeAlias = Literal["black", "grey", "mean"]

NOTHING: Baseline = "black"
"""What stands for *nothing* unless a spec says otherwise, the same for everything that speaks of
pixels: maps compare only where they agree on it. It is what ``deletion`` and ``insertion`` take."""


@dataclass(frozen=True)
class Attributed:
    """What an attribution says of one batch.

    Parameters
    ----------
    values
        ``[n, c, h, w]``, or ``[n, 1, h, w]`` where colours are not told apart.
    details
        Further tensors by name; the first axis of each is ``n``.
    """

    values: Tensor
    details: Mapping[str, Tensor] = field(default_factory=dict)


Attribute: TypeAlias = Callable[[Tensor, Tensor], Attributed]
"""From images ``[n, c, h, w]`` and classes ``[n]``, on the classifier's device."""


class AttributionConfig(PluginConfig):
    """Settings that every attribution has.

    Parameters
    ----------
    batch_size
        How many images pass the network at once, at most; fewer take less memory.
    """

    batch_size: int = Field(default=64, ge=1)


class Attribution(Explainer, ABC):
    """Attributes the logit of a class to pixels; no concepts, no graph.

    A signed map is positive where a pixel supports the class. It is the sum over colours.
    """

    name: ClassVar[str]
    """What the map is called."""

    class Config(AttributionConfig):
        """Settings of an ``Attribution``."""

    config: AttributionConfig

    @abstractmethod
    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        """Return the attribution for batches, after whatever has to be done once."""

    @property
    def map_note(self) -> str:
        """How to read the map's picture."""
        return "Red supports the class, blue opposes it; each map has its own scale."

    @property
    def _passes(self) -> int:
        """How many images pass the network at once for one that is explained."""
        return 1

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        attribute, device = self._attribution(inputs), inputs.classifier.device
        size = max(1, self.config.batch_size // self._passes)
        batches, classes = images.detach().to(device).split(size), target.to(device).split(size)
        found: list[Attributed] = []
        with torch.enable_grad(), inputs.progress.task(self.name, len(images)) as advance:
            for batch, classes_of_batch in zip(batches, classes, strict=True):
                found.append(attribute(batch.clone(), classes_of_batch))
                advance(len(batch), "")
        heat = torch.cat([one.values.detach().sum(dim=1) for one in found])
        details = {
            name: torch.cat([one.details[name].detach() for one in found]).cpu()
            for name in found[0].details
        }
        return Explanation(
            images=images.detach().cpu(),
            target=target.cpu(),
            maps={self.name: heat.cpu()},
            details=details,
        )


def baseline_of(images: Tensor, kind: Baseline) -> Tensor:
    """Return what stands for *nothing* in place of each image, ``[n, c, h, w]``.

    Parameters
    ----------
    images
        ``[n, c, h, w]`` in [0, 1].
    kind
        ``black``: 0; ``grey``: .5; ``mean``: the image's own mean colour.
    """
    if kind == "mean":
        return images.mean(dim=(2, 3), keepdim=True).expand_as(images).clone()
    return torch.full_like(images, 0.5 if kind == "grey" else 0.0)


def logit_of(logits: Tensor, target: Tensor) -> Tensor:
    """Return each row's logit ``[n]`` of its own class."""
    return logits.gather(1, target[:, None])[:, 0]
