"""Local explanations: the mechanisms of single predictions, and maps of their mediators."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from causalxai.capabilities import Capability, expect
from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.network.layer_names import unknown_layer
from causalxai.plugin import PluginConfig
from causalxai.storage.record import Json
from causalxai_interventional.mechanisms import Mechanisms, SelectionRule, find_mechanisms, rule_for
from causalxai_interventional.mediators import (
    convolutions,
    integrate,
    mediator_maps,
    untraced_layers,
)
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterLayer
from causalxai_interventional.reference_maps import reference_maps

_logger = logging.getLogger(__name__)


class InterventionalExplainer(Explainer):
    """Runs algorithm 1 on each image, by its own rule or that of the graph's discoverer.

    ``importance`` is minus the change of the logit when a parameter is removed, and 0 where the
    algorithm did not test it; parameters that were tested for no image are left out. ``details``
    hold ``information`` (CS), ``tested``, ``supports`` (G+), ``opposes`` (G-), the parameters'
    ``layer`` and ``index``, and the ``logit``. The first map integrates the effect-weighted
    mediators of all mapped layers (section 3.3). Without a tested convolution, there is no map.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH})
    oracle_kind = ParameterOracle

    class Config(PluginConfig):
        """Settings of ``InterventionalExplainer``."""

        rule: SelectionRule | None = Field(
            default=None,
            description="when an edge counts as causal; as for the graph unless given",
        )
        map_layers: tuple[str, ...] | None = Field(
            default=None,
            description="convolutions whose mediators are mapped; default the last two",
        )
        references: bool = Field(
            default=True, description="also saliency, integrated gradients and DeepLIFT"
        )

    config: Config

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that the layers to map are convolutions."""
        known = classifier.layers(nn.Conv2d)
        for name in self.config.map_layers or ():
            if name not in known:
                raise unknown_layer(name, known, "explain.map_layers", "convolution")

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = expect(inputs.need_oracle(), ParameterOracle, type(self).__name__)
        units = oracle.space.encode(images)
        classes = target.to(inputs.classifier.device)[:, None]
        found = find_mechanisms(
            oracle, units, classes, rule_for(self.config.rule, inputs.discoverer)
        )
        layers = self._map_layers(oracle)
        maps = _named_maps(mediator_maps(oracle, units, found, layers))
        remarks = _remarks(oracle, layers)
        # The first map is the method's own claim, so that no other method's map may come first.
        if self.config.references and maps:
            references, more = reference_maps(inputs.classifier, images, target)
            maps, remarks = {**maps, **references}, [*remarks, *more]
        for remark in remarks:
            _logger.warning("%s", remark)
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            maps={name: tensor.cpu() for name, tensor in maps.items()},
            units=units,
            **_flatten(oracle, found, remarks),
        )

    def _map_layers(self, oracle: ParameterOracle) -> tuple[str, ...]:
        known = convolutions(oracle)
        for name in self.config.map_layers or ():
            if name not in known:
                raise CapabilityError(
                    f"there is no tested convolution {name!r}{did_you_mean(name, known)}"
                )
        return self.config.map_layers or known[:-3:-1]


def _remarks(oracle: ParameterOracle, layers: Sequence[str]) -> list[str]:
    if not layers:
        return ["there are no maps, because none of the tested layers is a convolution"]
    untraced = untraced_layers(oracle, layers)
    if not untraced:
        return []
    return [
        f"the maps of {', '.join(untraced)} show the layer's own output in its last run, before "
        "any activation, because what follows it could not be traced"
    ]


def _named_maps(by_layer: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Return maps by name: over all layers, then by layer; effect-weighted ones first."""
    maps = {}
    for kind, position in (("effect-weighted", 1), ("plain", 0)):
        each = {name: pair[position] for name, pair in by_layer.items()}
        if len(each) > 1:
            maps[f"mediators, {kind}"] = integrate(each.values())
        maps |= {f"{name} mediators, {kind}": heat for name, heat in each.items()}
    return maps


def _flatten(oracle: ParameterOracle, found: Mechanisms, remarks: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an Explanation about parameters, without the untested ones."""
    tested = found.flat("tested")[:, 0]
    kept = tested.any(dim=0).nonzero()[:, 0]
    layers = oracle.space.layers
    number = torch.cat([torch.full((layer.count,), i) for i, layer in enumerate(layers)])
    index = torch.cat([torch.arange(layer.count) for layer in layers])
    details = {
        "tested": tested[:, kept].to(torch.uint8),
        "supports": found.flat("supports")[:, 0, kept].to(torch.uint8),
        "opposes": found.flat("opposes")[:, 0, kept].to(torch.uint8),
        "information": found.flat_information()[:, kept],
        "logit": found.logits.gather(1, found.targets)[:, 0],
        "layer": number[kept.cpu()],
        "index": index[kept.cpu()],
    }
    meta: dict[str, Json] = {
        "layers": [layer.name for layer in layers],
        "remarks": list(remarks),
    }
    if found.screening:
        meta["screening"] = dict(found.screening)
    return {
        "concepts": _names(layers, kept.tolist()),
        "importance": -found.flat("delta")[:, 0, kept].cpu(),
        "details": {name: tensor.cpu() for name, tensor in details.items()},
        "meta": meta,
    }


def _names(layers: Sequence[ParameterLayer], ascending: Sequence[int]) -> tuple[str, ...]:
    """Return the names of some concepts, whose indices ascend."""
    names: list[str] = []
    for layer in layers:
        end = bisect_left(ascending, layer.indices.stop)
        names += map(layer.concept_name, ascending[len(names) : end])
    return tuple(names)
