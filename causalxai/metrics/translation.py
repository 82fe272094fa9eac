"""Translation between attribution spaces: maps of pixels read as importances of concepts, and back.

One metric cannot directly score methods that attribute to pixels and methods that attribute to
concepts. An oracle that renders makes a translation possible: the change of the image under do()
shows which pixels belong to a concept. The result says so (``translated``), because the score then
also depends on the oracle's images.

An importance is read as a claim about do(): one more unit of a continuous concept adds that much
to the target's logit; a boolean concept or a parameter contributes it with its present value, so
that flipping or removing it subtracts the importance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.intervention import Intervention
from causalxai.metric import ScoringInputs
from causalxai.metrics.pictures import pictures
from causalxai.oracle import Oracle

MOST_RENDERED = 64
"""The maximum number of concepts that are rendered one by one."""


@dataclass(frozen=True)
class ConceptAttribution:
    """What an explanation attributes to concepts.

    Parameters
    ----------
    places
        ``[d]`` int64, the indices of the concepts in the space.
    importance
        ``[n, d]`` float32 on the CPU, as in ``Explanation.importance``.
    translated
        Whether it was translated from a map of pixels.
    unnamed
        How many of the ``d`` concepts the explanation does not name; their importance is 0.
    """

    places: Tensor
    importance: Tensor
    translated: bool
    unnamed: int = 0

    @property
    def remark(self) -> str:
        """What a score's ``reason`` has to say about the attribution."""
        if not self.unnamed:
            return ""
        return f"{self.unnamed} of {len(self.places)} concepts are not named and count as 0"


@dataclass(frozen=True)
class PixelAttribution:
    """What an explanation attributes to pixels.

    Parameters
    ----------
    maps
        By name, each ``[n, h, w]`` on the CPU; the first one is the method's own claim.
    translated
        Whether it was translated from importances of concepts.
    """

    maps: dict[str, Tensor]
    translated: bool


def to_concepts(explanation: Explanation, inputs: ScoringInputs) -> ConceptAttribution:
    """Return an explanation's importances of the concepts of the run's space.

    These are its own importances if it has them for concepts of the space. Otherwise its first map
    is translated by the oracle's images: the importance of concept j is the sum of the map over
    the change of the image that one unit of j makes,
    ``sum over pixels of map * mean over channels (picture under do(c_j + 1 unit) - picture)``, the
    picture under the empty intervention being subtracted; a flip, with the sign turned, where the
    concept is boolean. A unit is the concept's own (``Concept.scale``).

    Only concepts with labels in the data set are used, or all concepts if there are no labels. A
    concept that the explanation does not name has importance 0. Methods are thus compared on the
    same concepts.

    Raises
    ------
    CapabilityError
        If it has no importances of these concepts, and there is no map, no oracle that renders, or
        there are more than 64 concepts to render.
    """
    space = _space(inputs)
    wanted = wanted_places(space, inputs.dataset.concept_names)
    names = space.names()
    if explanation.importance is not None:
        column = {name: place for place, name in enumerate(explanation.concepts)}
        named = [at for at, place in enumerate(wanted) if names[place] in column]
        if named:
            columns = [column[names[wanted[at]]] for at in named]
            importance = torch.zeros(len(explanation), len(wanted))
            importance[:, named] = explanation.importance[:, columns].cpu().float()
            unnamed = len(wanted) - len(named)
            return ConceptAttribution(
                torch.tensor(wanted), importance, translated=False, unnamed=unnamed
            )
    if not explanation.maps:
        raise CapabilityError(
            "the explanation has neither importances of the space's concepts nor a map of pixels"
        )
    heat = next(iter(explanation.maps.values())).cpu().float()
    added = [
        sign * (heat * change).sum(dim=(1, 2))
        for sign, change in _rendered_changes(explanation, wanted, inputs)
    ]
    importance = torch.stack(added, dim=1)
    return ConceptAttribution(torch.tensor(wanted), importance, translated=True)


def to_pixels(explanation: Explanation, inputs: ScoringInputs) -> PixelAttribution:
    """Return an explanation's maps of pixels.

    These are its own maps if it has any. Otherwise its importances are translated: the map is
    ``sum over j of importance_j * (change of the image by one unit of concept j)``, averaged
    over the channels; see ``to_concepts``.

    Raises
    ------
    CapabilityError
        If it has no map and its concepts are not the space's, or are not rendered.
    """
    if explanation.maps:
        return PixelAttribution(dict(explanation.maps), translated=False)
    without = "the explanation has no attribution map"
    if explanation.importance is None or inputs.space is None:
        raise CapabilityError(without)
    attribution = to_concepts(explanation, inputs)
    heat = torch.zeros(len(explanation), *explanation.images.shape[2:])
    seen = attribution.importance.any(dim=0)
    try:
        changes = _rendered_changes(explanation, attribution.places[seen].tolist(), inputs)
        for importance, (sign, change) in zip(attribution.importance.T[seen], changes, strict=True):
            heat += sign * importance[:, None, None] * change
    except CapabilityError as reason:
        raise CapabilityError(
            f"{without}, and its importances cannot be translated to one: {reason}"
        ) from reason
    return PixelAttribution({"concepts, painted": heat}, translated=True)


def wanted_places(space: ConceptSpace, named: Sequence[str]) -> list[int]:
    """Return the indices of the concepts with these names; of all if no names are given."""
    known, names = set(named), space.names()
    return [place for place, name in enumerate(names) if name in known] or list(range(len(names)))


def _space(inputs: ScoringInputs) -> ConceptSpace:
    if inputs.space is None:
        raise CapabilityError("the run has no concept space")
    return inputs.space


def _rendered_changes(
    explanation: Explanation, places: list[int], inputs: ScoringInputs
) -> Iterator[tuple[int, Tensor]]:
    """Yield for each concept the sign of its change and the change of the image, [n, h, w]."""
    oracle = inputs.oracle
    if oracle is None or Capability.IMAGES not in oracle.capabilities:
        raise CapabilityError("the run has no oracle that renders images")
    if len(places) > MOST_RENDERED:
        raise CapabilityError(
            f"{len(places)} concepts are too many to render one by one (at most {MOST_RENDERED})"
        )
    units = inputs.explained_units(explanation)
    before = _pictures(oracle, units, Intervention.none())
    for place in places:
        concept = oracle.space.concepts[place]
        yield concept.sign(), _pictures(oracle, units, concept.intervention(place)) - before


def _pictures(oracle: Oracle, units: Units, done: Intervention) -> Tensor:
    """Return one picture for each unit, channels averaged, ``[n, h, w]`` on the CPU."""
    return pictures(oracle, units, done)[0].mean(dim=1)
