"""The data set of digits that are redrawn under known causal relations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, field_validator, model_validator
from torch.nn import functional

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.graph import CausalGraph
from causalxai.outline import Outline
from causalxai.plugin import FolderToRead, PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator
from causalxai_datasets.digit_classes import ALL_DIGITS
from causalxai_datasets.digits import Digits
from causalxai_datasets.drawn_dataset import drawn_outline
from causalxai_datasets.mnist import Mnist
from causalxai_datasets.morpho.cached_rendering import pictures_of, skeletons_of
from causalxai_datasets.morpho.concepts import CONCEPTS, RANGES, Concept
from causalxai_datasets.morpho.equations import Equation, graph_of, sample
from causalxai_datasets.morpho.renderer import DigitRenderer, DrawnDigits
from causalxai_datasets.morpho.scenarios import SCENARIOS, Scenario, Variant, scenario_equations

# MNIST's digits fill a box of 20 pixels on pages of 28; scikit-learn's get the same margin.
_BOX = 20 / 28
_FEWEST_CLASSES = 2


class Morpho(DatasetSource):
    """Digits whose thickness, slant, width and intensity follow structural equations [1]_.

    Concepts are sampled from structural equations, and each digit is redrawn from its skeleton with
    these values. ``Split.concepts`` are measured on the images. ``Split.set_concepts`` are the
    values from the equations with which the digits were drawn: a value outside the range that can
    be drawn is clipped before other equations use it, so that images and graph are consistent.
    Thickness and width count in thirty-seconds of the page's side (pixels at the default size),
    slant in degrees to the right of upright, intensity from 0 to 255. A concept without an equation
    keeps each digit's own value; intensity is then 255.

    Images of many digits are stored in the user's cache folder; see ``causalxai_datasets.caching``.

    References
    ----------
    .. [1] Castro, Tan, Kainz, Konukoglu, Glocker, "Morpho-MNIST: quantitative assessment and
       diagnostics for representation learning", JMLR 20, 2019; the scenarios are those of Kori,
       Glocker, Toni, "GLANCE", arXiv 2207.01917, with documented differences.
    """

    class Config(PluginConfig):
        """Settings: ``scenario`` or ``equations``, and which digits to draw.

        Parameters
        ----------
        scenario
            Letters name the concepts, causes first: thickness → intensity is ``TI``; ``TID`` has
            its noise inside the sigmoid; ``TSWI`` has thickness → slant, thickness and slant →
            width, width → intensity.
        variant
            ``paper``: a scenario's constants as printed, some of which hide the relation;
            ``corrected``: our own for the same graph.
        equations
            A scenario of your own: for each concept an ``expression`` over other concepts and
            ``noise``, and the noise's distribution.
        independent
            Shuffle each concept among the images: the same values, and no relation between them.
        base
            The source of the digits.
        path
            The folder of MNIST's files, as for the data set ``mnist``.
        leave_out
            Digits to leave out. By default the 1 where width has an equation, because a 1 cannot
            be widened; else none.
        size
            Height and width in pixels.
        draws
            The number of images of each training digit.
        references
            The number of additional reference images, of the training digits in turn. Their
            concepts have the values of the training images, shuffled among the images.
        limit, test_limit
            The largest numbers of training and test images; the first ones are used.
        """

        scenario: Scenario | None = None
        variant: Variant = "corrected"
        equations: Mapping[Concept, Equation] | None = None
        independent: bool = False
        base: Literal["digits", "mnist"] = "digits"
        path: FolderToRead | None = None
        leave_out: tuple[Annotated[int, Field(ge=0, le=9)], ...] | None = None
        size: int = Field(32, ge=16, le=256)
        draws: int = Field(1, ge=1, le=1000)
        references: NonNegativeInt = 0
        limit: int | None = Field(None, ge=1)
        test_limit: int | None = Field(None, ge=1)

        @field_validator("equations")
        @classmethod
        def _is_acyclic(
            cls, equations: Mapping[Concept, Equation] | None
        ) -> Mapping[Concept, Equation] | None:
            if equations is not None:
                graph_of(equations)
            return equations

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            if (self.scenario is None) == (self.equations is None):
                raise ValueError(
                    f"give either a scenario ({', '.join(SCENARIOS)}) or equations of your own"
                )
            if self.equations is not None and self.variant != "corrected":
                raise ValueError("variant needs a scenario, and there are equations of your own")
            if self.scenario is not None:
                scenario_equations(self.scenario, self.variant)
            kept = 10 - len(set(self.leave_out or ()))
            if kept < _FEWEST_CLASSES:
                raise ValueError(
                    f"leave_out leaves {kept} of the ten digits: {_FEWEST_CLASSES} must remain for "
                    "a classifier"
                )
            if self.base == "digits" and self.path is not None:
                raise ValueError("path needs base: mnist; scikit-learn's digits need no files")
            return self

    config: Config

    def outline(self) -> Outline:
        """Return the classes, the concepts and the shape of the images, as the settings say."""
        return drawn_outline(
            [name for name in ALL_DIGITS if int(name) not in self._left_out],
            self.config.size,
            self._names,
            references=self.config.references,
            channels=1,
        )

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Draw the digits, or read them from the cache.

        Raises
        ------
        DataError
            If MNIST's files are missing or damaged, or an equation gives values that are not
            finite.
        """
        base, content = self._base(rng, progress)
        classes = [name for name in base.class_names if int(name) not in self._left_out]
        train = self._chosen(base.train, base.class_names, classes)[: self.config.limit]
        test = self._chosen(base.test, base.class_names, classes)[: self.config.test_limit]
        skeletons = skeletons_of(torch.cat([train.images[:], test.images[:]]), content, progress)
        # The training digits come first, repeated for each draw, then those of the test.
        rows = list(range(len(train))) * self.config.draws
        rows = rows[: self.config.limit]
        shown = rows + list(range(len(train), len(skeletons)))
        sizes = [len(rows), len(test)]
        generator = numpy_generator(rng)
        wanted, noise = self._sample(sizes, generator)
        sizes.append(self.config.references)
        if self.config.references:
            again = np.resize(np.arange(len(train)), self.config.references)
            shown += again.tolist()
            drawn = np.resize(wanted[: sizes[0]], (self.config.references, wanted.shape[1]))
            wanted = np.concatenate([wanted, generator.permuted(drawn, axis=0)])
            noise = np.concatenate([noise, np.zeros_like(drawn)])
        # Concepts that were shuffled follow from nothing.
        follows = (np.arange(len(shown)) < sum(sizes[:2])) & (not self.config.independent)
        digits = DrawnDigits([skeletons[row] for row in shown], wanted, noise, follows)
        everything = replace(
            self._drawn(digits, progress),
            labels=torch.cat([train.labels, test.labels])[shown],
            groups=torch.tensor(shown),
        )
        first, second, third = (
            everything[end - size : end] for end, size in zip(np.cumsum(sizes), sizes, strict=True)
        )
        return Dataset(
            train=first,
            test=second,
            class_names=tuple(classes),
            concept_names=self._names,
            graph=self._graph,
            reference=third if len(third) else None,
            renderer=DigitRenderer(self.equations(), digits, [everything.images[:]]),
        )

    def _drawn(self, digits: DrawnDigits, progress: Progress) -> Split:
        """Draw digits, and measure the images."""
        columns = [CONCEPTS.index(name) for name in self._names]
        values = np.full((len(digits.values), len(CONCEPTS)), np.nan)
        values[:, columns] = digits.values
        images, measured = pictures_of(digits.skeletons, values, self.config.size, progress)
        return Split(
            images,
            torch.zeros(len(images), dtype=torch.int64),
            torch.from_numpy(measured[:, columns]).float(),
            torch.from_numpy(digits.values).float(),
        )

    def fingerprint(self) -> str:
        """Return the digest of MNIST's files, if they are the base."""
        return self._mnist().fingerprint() if self.config.base == "mnist" else ""

    def looks_at_files(self) -> bool:
        """Return whether there is a path; without one, only ``load`` reads files."""
        return self.config.path is not None

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path."""
        return self.config.model_dump(mode="json", exclude={"path"})

    def equations(self) -> Mapping[Concept, Equation]:
        """Return the structural equations, whether a scenario's or the user's."""
        if self.config.scenario is not None:
            return scenario_equations(self.config.scenario, self.config.variant)
        assert self.config.equations is not None
        return self.config.equations

    @property
    def _graph(self) -> CausalGraph:
        graph = graph_of(self.equations())
        return CausalGraph(graph.nodes) if self.config.independent else graph

    @property
    def _names(self) -> tuple[Concept, ...]:
        return tuple(name for name in CONCEPTS if name in self.equations())

    @property
    def _left_out(self) -> tuple[int, ...]:
        if self.config.leave_out is None:
            return (1,) if "width" in self._names else ()
        return self.config.leave_out

    def _mnist(self) -> Mnist:
        return Mnist(path=self.config.path)

    def _base(self, rng: torch.Generator, progress: Progress) -> tuple[Dataset, float]:
        """Return the digits and the share of the page's side that their images fill."""
        if self.config.base == "mnist":
            return self._mnist().load(rng=rng, progress=progress), 1.0
        return Digits(size=8).load(rng=rng, progress=progress), _BOX * 10 / 8

    def _chosen(self, split: Split, names: tuple[str, ...], classes: list[str]) -> Split:
        """Return the images of some classes, whose labels are numbered anew."""
        new = torch.tensor([classes.index(name) if name in classes else -1 for name in names])
        labels = new[split.labels]
        images = split.images[labels >= 0]
        if self.config.base == "digits":
            # Strokes reach the border of these images and would be cut off without a margin.
            images = functional.pad(images, (1, 1, 1, 1))
        return Split(images, labels[labels >= 0])

    def _sample(
        self, sizes: list[int], rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the concepts of all digits, and the noise of their equations."""
        values, noise = sample(self.equations(), sum(sizes), rng, within=RANGES)
        if not self.config.independent:
            return values, noise
        parts = np.split(values, [sizes[0]])
        return np.concatenate([rng.permuted(part, axis=0) for part in parts]), noise
