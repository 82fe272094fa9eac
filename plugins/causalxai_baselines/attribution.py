"""The base of pixel attributions: batches, baselines and the map."""

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
"""The default replacement for removed pixels.

It is the same for all pixel attributions and for ``deletion`` and ``insertion``, because maps are
comparable only with the same baseline."""


@dataclass(frozen=True)
class Attributed:
    """The attribution of one batch.

    Parameters
    ----------
    values
        ``[n, c, h, w]``, or ``[n, 1, h, w]`` if there is one value for all colours.
    details
        Further tensors by name; the first axis of each is ``n``.
    """

    values: Tensor
    details: Mapping[str, Tensor] = field(default_factory=dict)


Attribute: TypeAlias = Callable[[Tensor, Tensor], Attributed]
"""A function from images ``[n, c, h, w]`` and classes ``[n]``, on the classifier's device."""


class AttributionConfig(PluginConfig):
    """The settings of every attribution.

    Parameters
    ----------
    batch_size
        The largest number of images in one forward pass; fewer take less memory.
    """

    batch_size: int = Field(default=64, ge=1)


class Attribution(Explainer, ABC):
    """Attributes the logit of a class to pixels, without concepts or a graph.

    A signed map is positive where a pixel supports the class. It is the sum over colours.
    """

    name: ClassVar[str]
    """The name of the map."""

    class Config(AttributionConfig):
        """Settings of an ``Attribution``."""

    config: AttributionConfig

    @abstractmethod
    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        """Return the attribution for batches, after preparations that are needed once."""

    @property
    def map_note(self) -> str:
        """A note on how to read the map."""
        return "Green supports the class, orange opposes it; each map has its own scale."

    @property
    def _passes(self) -> int:
        """The number of inputs that pass the network at once for each image that is explained."""
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
    """Return the baseline of each image, ``[n, c, h, w]``.

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
