"""The graph of a code: the effects of bits on classes and on attributes of the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.concept import Units
from causalxai.graph import CausalGraph, Edge, Node, NodeKind
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.intervals import widened
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Want
from causalxai.seeding import numpy_generator
from causalxai.storage.record import Json
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.probe import AttributeProbe, ProbeConfig, fit_probe

Effects = NDArray[np.float64]

_RESAMPLES = 500
_NUMBERS_AT_ONCE = 2**26


class BitDiscoverer(GraphDiscoverer):
    """Compares do(bit = 1) with do(bit = 0) on test images.

    An edge's weight is the mean difference. For a class it is that of the logit; with two classes
    there is one node, the second class, and the difference of its logit from the first's. For a
    labelled attribute it is that of a probe's reading of the generated picture (0 to 1, or sds of a
    continuous attribute). An attribute with the name of a class or a bit gets " (pictured)" after
    its name. ``low`` and ``high`` are a bootstrap interval over images; ``frequency`` is the share
    of resamples in which the effect is above the threshold with the same sign. Bits are independent
    causes by construction, because their values are set and not observed. There is no edge between
    bits.

    If the data set labels attributes and has no reference images, the probe is trained on images
    whose attributes are correlated, and may read one attribute from another.
    """

    requires = frozenset({Capability.ORACLE, Capability.IMAGES})
    space_kind = BitSpace

    class Config(DiscovererConfig):
        """Settings.

        Parameters
        ----------
        units
            The number of test images for which the oracle is queried.
        threshold
            The least size of an edge, as a share of the strongest effect on its target.
        attributes
            Whether to include labelled attributes, if the data set has any.
        least_attribute
            The least size of an edge to an attribute in the attribute's own unit, in addition to
            ``threshold``.
        probe
            Settings of how attributes are read from pictures.
        """

        units: PositiveInt = 300
        threshold: float = Field(0.1, ge=0, le=1)
        attributes: bool = True
        least_attribute: NonNegativeFloat = 0.02
        probe: ProbeConfig = ProbeConfig()

    config: Config

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        space = expect(inputs.need_space(), BitSpace, "the discoverer 'dvae'")
        oracle = inputs.need_oracle()
        bits, targets = space.names(), _class_nodes(inputs)
        probe = self._probe(inputs)
        attributes = () if probe is None else _attribute_nodes(probe.names, (*bits, *targets))
        images = inputs.dataset.test.images
        rows = torch.randperm(len(images), generator=inputs.rng)[: self.config.units]
        effects = _effects(oracle, space.encode(images[rows]), probe)
        rng = numpy_generator(inputs.rng)
        least = np.array([0.0] * len(targets) + [self.config.least_attribute] * len(attributes))
        return CausalGraph(
            [
                *(Node(bit, tier=0) for bit in bits),
                *(Node(name, NodeKind.CLASS, tier=1) for name in targets),
                *(Node(name, tier=1) for name in attributes),
            ],
            list(_edges(bits, (*targets, *attributes), effects, self.config.threshold, least, rng)),
            annotations={
                "method": "dvae",
                "units": len(rows),
                "probes_read": {} if probe is None else _by_name(attributes, probe.held_out),
            },
        )

    def _probe(self, inputs: DiscoveryInputs) -> AttributeProbe | None:
        if not self.config.attributes or Capability.OBSERVATIONS not in inputs.capabilities:
            return None
        return fit_probe(
            inputs.dataset,
            self.config.probe,
            device=inputs.classifier.device,
            rng=inputs.rng,
        )


def _by_name(names: Sequence[str], values: Tensor) -> dict[str, Json]:
    return dict(zip(names, values.tolist(), strict=True))


def _class_nodes(inputs: DiscoveryInputs) -> tuple[str, ...]:
    """Return the classes that have a node; of two classes, only the second."""
    names = inputs.classifier.class_names
    return names[1:] if len(names) == 2 else names


def _attribute_nodes(attributes: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    """Return the attributes' names, made distinct from the names of other nodes."""
    nodes: list[str] = []
    for name in attributes:
        node = name
        while node in (*taken, *nodes) or (node != name and node in attributes):
            node += " (pictured)"
        nodes.append(node)
    return tuple(nodes)


def _effects(oracle: Oracle, units: Units, probe: AttributeProbe | None) -> Effects:
    """Return ``[n, b, targets]``: each image's difference between do(bit = 1) and do(bit = 0)."""
    b = units.values.shape[1]
    bit = torch.arange(b)
    both = Intervention.set(bit.repeat(2), torch.tensor([1.0, 0.0]).repeat_interleave(b))
    want: tuple[Want, ...] = ("logits",) if probe is None else ("logits", "images")
    classifier = oracle.classifier
    answer = len(classifier.class_names) if probe is None else classifier.image_size
    at_once = max(1, _NUMBERS_AT_ONCE // (2 * b * answer))
    found = []
    for start in range(0, len(units), at_once):
        some = units[slice(start, start + at_once)]
        response = oracle.query(some, both, want=want)
        seen = [_against_the_first(response.answer("logits"))]
        if probe is not None:
            images = response.answer("images")
            seen.append(probe.read(images.flatten(0, 1)).unflatten(0, images.shape[:2]))
        on, off = torch.cat(seen, dim=2).split(b)
        found.append((on - off).transpose(0, 1).cpu())
    return np.asarray(torch.cat(found).double().numpy())


def _against_the_first(logits: Tensor) -> Tensor:
    return logits[..., 1:] - logits[..., :1] if logits.shape[-1] == 2 else logits


def _edges(
    bits: Sequence[str],
    targets: Sequence[str],
    effects: Effects,
    threshold: float,
    least: NDArray[np.float64],
    rng: np.random.Generator,
) -> Iterator[Edge]:
    weights = effects.mean(axis=0)
    needed = np.maximum(threshold * np.abs(weights).max(axis=0), least)
    rows = rng.integers(len(effects), size=(_RESAMPLES, len(effects)))
    resampled = np.stack([effects[chosen].mean(axis=0) for chosen in rows])
    ends = np.quantile(resampled, (0.025, 0.975), axis=0)
    low, high = widened(ends, weights, len(effects))
    share = ((np.abs(resampled) >= needed) & (np.sign(resampled) == np.sign(weights))).mean(axis=0)
    for i, bit in enumerate(bits):
        for j, target in enumerate(targets):
            clear = low[i, j] > 0 or high[i, j] < 0
            if abs(weights[i, j]) >= needed[j] and clear:
                yield Edge(
                    bit,
                    target,
                    weight=float(weights[i, j]),
                    frequency=float(share[i, j]),
                    low=float(low[i, j]),
                    high=float(high[i, j]),
                )
