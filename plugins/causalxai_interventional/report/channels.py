"""What the channels of a graph mean to a person: the images that excite them most."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from causalxai.graph import CausalGraph, NodeKind
from causalxai.report.builder import ReportInputs
from causalxai.report.excitation import Channel, ExcitingImages, Stride, evenly_spaced
from causalxai.report.graph_view import NodeMeaning
from causalxai_interventional.discoverer import channel_name
from causalxai_interventional.mediators import responses
from causalxai_interventional.parameter_oracle import ParameterOracle

_MOST_IMAGES = 128
_LOGITS = "the logits"


def channel_meanings(graph: CausalGraph, inputs: ReportInputs) -> Mapping[str, NodeMeaning]:
    """Return which test images excite each channel, unit and class of a graph most.

    Parameters
    ----------
    graph
        Of ``InterventionalDiscoverer``.
    inputs
        Without the oracle of parameters there is nothing to ask.
    """
    oracle = inputs.oracle
    if not isinstance(oracle, ParameterOracle):
        return {}

    def respond(layer: str, images: Tensor) -> tuple[Tensor, Stride | None]:
        given = images.to(oracle.classifier.device)
        if layer == _LOGITS:
            return oracle.classifier.logits(given)[..., None, None], None
        found, stride = responses(oracle, given, layer)
        if isinstance(oracle.classifier.model.get_submodule(layer), nn.Linear):
            found = found.movedim(-1, 1)
        if found.dim() != 4:
            # Units, and units of tokens, whose place in the image is not known.
            found = found if found.dim() == 2 else found.flatten(2).amax(dim=2)
            found = found[..., None, None]
        return found, stride

    dataset = inputs.dataset
    return ExcitingImages(
        evenly_spaced(dataset.test, _MOST_IMAGES),
        dataset.class_names,
        _channels(graph, oracle),
        respond,
    )


def _channels(graph: CausalGraph, oracle: ParameterOracle) -> dict[str, Channel]:
    """Return the channels behind the nodes; heads of attention have none of their own."""
    convolutions = set(oracle.classifier.layers(nn.Conv2d))
    numbers = {
        channel_name(one.name, number): number
        for one in oracle.space.layers
        if one.granularity != "head"
        for number in range(one.destinations)
    }
    found = {}
    for node in (graph.node(name) for name in graph.nodes):
        layer = str(node.annotations.get("layer", ""))
        if node.kind is NodeKind.CLASS:
            number = oracle.classifier.class_names.index(node.title)
            found[node.name] = Channel(_LOGITS, number, f"the logit of class {node.title}")
        elif node.name in numbers:
            number = numbers[node.name]
            what = "channel" if layer in convolutions else "unit"
            found[node.name] = Channel(layer, number, f"{what} {number} of {layer}")
    return found
