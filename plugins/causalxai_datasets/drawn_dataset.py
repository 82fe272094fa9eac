"""What data sets of drawn pictures with known concepts have in common."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.graph import CausalGraph
from causalxai.outline import Outline
from causalxai.renderer import Renderer

Sizes = tuple[int, int, int]
"""The numbers of training, test and reference images."""


def drawn_outline(
    class_names: Sequence[str],
    size: int,
    concept_names: Sequence[str],
    *,
    references: int,
    channels: int = 3,
) -> Outline:
    """Return the outline of a data set with square pictures and a renderer.

    Parameters
    ----------
    class_names, concept_names
        The classes and the concepts.
    size
        The height and the width of a picture in pixels.
    references
        How many reference pictures there are.
    channels
        1 for grey pictures, 3 for colour.
    """
    reference = {Capability.REFERENCE} if references else set()
    return Outline(
        class_names=tuple(class_names),
        image_shape=(channels, size, size),
        concept_names=tuple(concept_names),
        offers=frozenset({Capability.OBSERVATIONS, Capability.RENDERER, *reference}),
    )


def drawn_dataset(
    everything: Split,
    sizes: Sizes,
    class_names: Sequence[str],
    graph: CausalGraph,
    renderer: Renderer,
) -> Dataset:
    """Return a data set of pictures that were drawn all at once.

    Parameters
    ----------
    everything
        The pictures with their concepts: those for training, for the test and for reference.
    sizes
        How many there are of each.
    class_names
        The classes.
    graph
        The true causal graph, whose nodes are the concepts.
    renderer
        Draws the pictures anew.

    Raises
    ------
    DataError
        If a concept is the same in all training images or in all reference images.
    """
    train, test, reference = (
        everything[sum(sizes[:place]) : sum(sizes[: place + 1])] for place in range(len(sizes))
    )
    _check_variety("training", train.concepts, graph.nodes)
    if len(reference):
        _check_variety("reference", reference.concepts, graph.nodes)
    return Dataset(
        train=train,
        test=test,
        class_names=tuple(class_names),
        concept_names=graph.nodes,
        graph=graph,
        reference=reference if len(reference) else None,
        renderer=renderer,
    )


def as_split(images: Tensor, labels: Tensor, values: Tensor, groups: Tensor | None = None) -> Split:
    """Return pictures whose concepts are known exactly, as they were drawn."""
    concepts = values.float()
    return Split(images, labels, concepts, concepts, groups)


def _check_variety(part: str, concepts: Tensor | None, names: Sequence[str]) -> None:
    assert concepts is not None
    for name, column in zip(names, concepts.T, strict=True):
        if bool((column == column[0]).all()):
            raise DataError(
                f"{name}: it is {column[0]:g} in all of {len(column)} {part} images; draw more"
            )
