"""The data set of drawn birds, whose classes are tuples of part variants."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt

from causalxai.dataset import Dataset, DatasetSource
from causalxai.graph import CausalGraph
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator
from causalxai_datasets.drawn_dataset import Sizes, as_split, drawn_dataset, drawn_outline
from causalxai_datasets.parts.bird import PARTS, REMOVED
from causalxai_datasets.parts.landscape import NUMBERS
from causalxai_datasets.parts.renderer import BirdRenderer, Birds

_VARIANTS = 3
# Codewords of the linear code over the integers modulo 3 that CLASSES spells out are given by two
# digits each. They are in an order in which the first classes differ in many parts.
_DIGITS = ((0, 0), (1, 2), (2, 1), (0, 1), (1, 0), (2, 2), (0, 2), (1, 1), (2, 0))

CLASSES = np.array(
    [[a, b, a + b, a + 2 * b, 2 * a] for a, b in _DIGITS], np.int64
) % _VARIANTS  # fmt: skip
"""``[9, 5]``, the variants of the parts of each class; any two classes differ in three or more."""


class _Sampled(NamedTuple):
    """The labels of birds, which of their parts are present, and what ``Birds`` has."""

    labels: NDArray[np.int64]
    present: NDArray[np.bool_]
    own: NDArray[np.int64]
    absent: NDArray[np.int64]
    looks: NDArray[np.float64]


class Parts(DatasetSource):
    """Drawn birds, of which each class has other variants of beak, eye, wing, tail and feet.

    The parts can be removed from a picture, or exchanged for other variants, by drawing it anew:
    the protocol of FunnyBirds [1]_, in two dimensions. Sky, hills, ground, pose and colour of the
    body change from picture to picture.

    A class is a tuple of variants, and any two classes differ in at least three of the five parts.
    Concepts are boolean, one for each part: 1 where a bird has its class's variant, 0 where it has
    not. What is seen then is decided by ``absence``. Each part is present with the probability
    ``kept``, independently of the others and of the class, so that ``Dataset.graph`` has no edges
    and the concepts' values say nothing about the class: a classifier needs the variants.

    References
    ----------
    .. [1] Hesse, Schaub-Meyer, Roth, "FunnyBirds: a synthetic vision dataset for a part-based
       analysis of explainable AI methods", ICCV 2023.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        size
            Height and width in pixels, a multiple of eight.
        count, test_count
            The numbers of birds for training and for the test.
        classes
            The number of classes.
        absence
            What do(part = 0) does: ``removed`` leaves the part out; ``exchanged`` draws another
            variant in its place, which is drawn at random for each bird and part, once.
        kept
            The probability that a bird has the part of its class.
        references
            The number of additional birds for read-outs, which are drawn like the others. Their
            parts are independent in any case.
        """

        size: int = Field(32, ge=32, le=512, multiple_of=8)
        count: PositiveInt = 4000
        test_count: PositiveInt = 1000
        classes: int = Field(6, ge=2, le=len(CLASSES))
        absence: Literal["removed", "exchanged"] = "removed"
        kept: float = Field(0.8, gt=0, lt=1)
        references: NonNegativeInt = 0

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        return drawn_outline(self._class_names, self.config.size, PARTS, references=self._sizes[2])

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Draw the birds; 4 000 of 32 pixels take some seconds on two cores.

        Raises
        ------
        DataError
            If all of the training birds have, or all lack, a part.
        """
        generators = numpy_generator(rng).spawn(len(self._sizes))
        sampled = [self._sample(*both) for both in zip(self._sizes, generators, strict=True)]
        labels, present, own, absent, looks = (
            np.concatenate(parts) for parts in zip(*sampled, strict=True)
        )
        birds = Birds(own, absent, looks, self.config.size)
        images = birds.draw(present, progress)
        return drawn_dataset(
            as_split(images, torch.from_numpy(labels), torch.from_numpy(present)),
            self._sizes,
            self._class_names,
            CausalGraph(PARTS),
            BirdRenderer(birds, present, [images]),
        )

    @property
    def _sizes(self) -> Sizes:
        return self.config.count, self.config.test_count, self.config.references

    @property
    def _class_names(self) -> tuple[str, ...]:
        return tuple(f"bird {number + 1}" for number in range(self.config.classes))

    def _sample(self, n: int, rng: np.random.Generator) -> _Sampled:
        labels = rng.integers(self.config.classes, size=n)
        present = rng.random((n, len(PARTS))) < self.config.kept
        own = CLASSES[labels]
        other = (own + rng.integers(1, _VARIANTS, size=own.shape)) % _VARIANTS
        absent = np.full_like(own, REMOVED) if self.config.absence == "removed" else other
        return _Sampled(labels, present, own, absent, rng.random((n, NUMBERS)))
