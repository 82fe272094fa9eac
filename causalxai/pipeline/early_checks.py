"""Checks, before any training, that the parts of a run fit its data set."""

from __future__ import annotations

from causalxai.capabilities import OFFERED_BY_DATA, Capability, offered_by, require
from causalxai.config import ResolvedSpec
from causalxai.dataset import Dataset, class_index
from causalxai.live.images import GivenImages
from causalxai.plugin.guard import guarded


def check_dataset(spec: ResolvedSpec, dataset: Dataset) -> None:
    """Check that a data set has what the spec and its parts need of it.

    What parts need of each other was checked with the spec. Metrics are not checked: one that
    cannot be computed is left out of the results, which say why.

    Raises
    ------
    CapabilityError, DataError
        If the data set lacks something, such as a class that a setting names.
    """
    if isinstance(spec.images, GivenImages):
        spec.images.check(dataset)
    else:
        for name in spec.images.classes or ():
            class_index(name, dataset.class_names, "images.classes")
    offered = offered_by(dataset) | (frozenset(Capability) - OFFERED_BY_DATA)
    for part in (spec.graph, spec.explain):
        if part is not None:
            require(part.requires(), offered, part.plugin_class.__name__)
    for dependent in (spec.concepts, spec.graph, spec.explain):
        if dependent is not None:
            with guarded(dependent.provenance, "checking the data set"):
                dependent.build().check_dataset(dataset)
