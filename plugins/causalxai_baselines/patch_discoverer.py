"""Which patches a class is seen in, across images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy import stats
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.graph import CausalGraph, Edge, Node, NodeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.intervention import Intervention
from causalxai.storage.record import Json
from causalxai_baselines.attribution import logit_of

_LEAST = 2


class PatchDiscoverer(GraphDiscoverer):
    """Removes every patch of some images of each class, and keeps the edges that matter.

    An edge's ``weight`` is what its class's logit gains on average where the patch is there, over
    training images that are predicted to be of that class; ``low`` and ``high`` are its 95 %
    interval by Student's t. Edges whose interval has no zero in it are kept, and those that are
    required. Classes that are predicted less than twice are skipped, and listed in
    ``annotations["skipped"]``.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(DiscovererConfig):
        """Settings of ``PatchDiscoverer``.

        Parameters
        ----------
        images
            How many training images of each class are looked at, at most.
        """

        images: int = Field(default=8, ge=_LEAST)

    config: Config

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        space = inputs.need_space()
        names = space.names()
        class_names = inputs.classifier.class_names
        classes = [f"class {name}" for name in class_names]
        nodes = [*names, *classes]
        required, forbidden = self.config.background.among(nodes)
        effects = list(self._effects(inputs))
        edges = [
            Edge(names[i], classes[k], weight=weight, low=weight - half, high=weight + half)
            for i, k, weight, half in effects
            if (i, len(names) + k) in required
            or (abs(weight) > half and (i, len(names) + k) not in forbidden)
        ]
        measured = {(edge.source, edge.target) for edge in edges}
        # Of a class that is never predicted; what leads elsewhere is refused by the template.
        known = [(nodes[i], nodes[j]) for i, j in sorted(required) if i < len(names) <= j]
        edges += [Edge(*pair) for pair in known if pair not in measured]
        seen = {k for _, k, _, _ in effects}
        skipped: list[Json] = [name for k, name in enumerate(class_names) if k not in seen]
        annotations: dict[str, Json] = {"images": self.config.images}
        return CausalGraph(
            [
                *(Node(name, tier=0) for name in names),
                *(
                    Node(node, NodeKind.CLASS, label=name, tier=1)
                    for node, name in zip(classes, class_names, strict=True)
                ),
            ],
            edges,
            annotations=annotations | ({"skipped": skipped} if skipped else {}),
        )

    def _effects(self, inputs: DiscoveryInputs) -> Iterator[tuple[int, int, float, float]]:
        """Yield patch, class, mean effect and the half of its interval."""
        predicted = inputs.classifier.predict(inputs.dataset.train.images).cpu()
        classes = len(inputs.classifier.class_names)
        with inputs.progress.task("patches", classes) as advance:
            for k in range(classes):
                known = (predicted == k).nonzero()[:, 0]
                drawn = known[torch.randperm(len(known), generator=inputs.rng)]
                advance(1, f"class {inputs.classifier.class_names[k]}")
                if len(drawn) < _LEAST:
                    continue
                gains = _gains(inputs, inputs.dataset.train.images[drawn[: self.config.images]], k)
                reach = stats.t.ppf(0.975, len(gains) - 1) / np.sqrt(len(gains))
                half = reach * gains.std(axis=0, ddof=1)
                for i, (weight, width) in enumerate(zip(gains.mean(axis=0), half, strict=True)):
                    yield i, k, float(weight), float(width)


def _gains(inputs: DiscoveryInputs, images: Tensor, k: int) -> NDArray[np.float64]:
    """Return ``[n, d]``, what each patch adds to the logit of class ``k``."""
    oracle = inputs.need_oracle()
    units = oracle.space.encode(images)
    every = torch.arange(len(oracle.space.concepts))
    target = torch.full((len(images),), k)
    with_all = oracle.query(units, Intervention.none()).answer("logits").cpu()[0]
    without = oracle.query(units, Intervention.ablate(every)).answer("logits").cpu()
    lost = torch.stack([logit_of(with_all - one, target) for one in without], dim=1)
    gains: NDArray[np.float64] = lost.double().numpy()
    return gains
