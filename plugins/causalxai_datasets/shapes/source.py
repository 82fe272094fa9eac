"""The data set of scenes, whose classes follow a rule, with a confounder in training alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from causalxai.dataset import Dataset, DatasetSource
from causalxai.graph import CausalGraph, Edge, EdgeKind
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator
from causalxai_datasets.drawn_dataset import Sizes, as_split, drawn_dataset, drawn_outline
from causalxai_datasets.shapes.renderer import SceneRenderer, Scenes
from causalxai_datasets.shapes.scene import NUMBERS, PROPERTIES, Property

_CHANCE = 0.5
_WORDS: Mapping[Property, tuple[str, str]] = {
    "large": ("small", "large"),
    "striped": ("plain", "striped"),
    "blue": ("red", "blue"),
    "cube": ("ball", "cube"),
}


class Shapes(DatasetSource):
    """Scenes with one object, whose class follows a rule, and a confounder in training alone.

    The object is a cube or a ball, large or small, blue or red, striped or plain; these are four
    boolean concepts. A scene is of the second class if the object has all properties of the rule,
    such as that of a large blue cube. In training, the confounder agrees with the class though the
    rule does not speak of it, as in CLEVR-Hans [1]_; in the test it is a fair coin. A classifier
    that takes the confounder for the rule is as good as any in training and at chance in the test.

    The class is drawn first, by a fair coin; then an object that fits the rule or one of those that
    do not, each as likely. The class is therefore an unobserved common cause of the concepts:
    ``Dataset.graph`` joins those of the rule and the confounder by bidirected edges, and do() on
    one of them changes no other. The other properties are fair coins.

    References
    ----------
    .. [1] Stammer, Schramowski, Kersting, "Right for the right concept: revising neuro-symbolic
       concepts by interacting with their explanations", CVPR 2021.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        size
            Height and width in pixels, a multiple of eight.
        count, test_count
            The numbers of scenes for training and for the test.
        rule
            Properties that the objects of the second class have and those of the first have not
            all: ``{cube: true, large: true}`` for large cubes, ``{cube: false}`` for balls.
        confounder
            The property that agrees with the class in training; none of the rule.
        confounding
            The share of the training scenes in which it does; 0.5 leaves the two independent.
        references
            The number of additional scenes whose properties are independent of one another, each
            as frequent as in training.
        """

        size: int = Field(32, ge=32, le=512, multiple_of=8)
        count: PositiveInt = 4000
        test_count: PositiveInt = 1000
        rule: Mapping[Property, bool] = Field(
            {"cube": True, "large": True, "blue": True}, min_length=1
        )
        confounder: Property = "striped"
        confounding: float = Field(1.0, ge=0, le=1)
        references: NonNegativeInt = 0

        @model_validator(mode="after")
        def _is_confounded(self) -> Self:
            if self.confounder in self.rule:
                others = ", ".join(name for name in PROPERTIES if name not in self.rule)
                raise ValueError(
                    f"the confounder {self.confounder!r} is part of the rule; "
                    + (f"others are {others}" if others else "leave a property out of the rule")
                )
            return self

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        return drawn_outline(
            self._class_names, self.config.size, PROPERTIES, references=self._sizes[2]
        )

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Draw the scenes; 4 000 of 32 pixels take some seconds on two cores.

        Raises
        ------
        DataError
            If a property is the same in all training scenes.
        """
        train, test, reference = numpy_generator(rng).spawn(3)
        count, test_count, references = self._sizes
        independent = reference.permuted(
            self._sample(references, self.config.confounding, reference), axis=0
        )
        properties = np.concatenate([
            self._sample(count, self.config.confounding, train),
            self._sample(test_count, _CHANCE, test),
            independent,
        ])  # fmt: skip
        looks = np.concatenate([
            part.random((size, NUMBERS))
            for part, size in zip((train, test, reference), self._sizes, strict=True)
        ])  # fmt: skip
        scenes = Scenes(looks, self.config.size)
        images = scenes.draw(properties, progress)
        labels = self._fits(properties).astype(np.int64)
        return drawn_dataset(
            as_split(images, torch.from_numpy(labels), torch.from_numpy(properties)),
            self._sizes,
            self._class_names,
            self._graph,
            SceneRenderer(scenes, properties, [images]),
        )

    @property
    def _sizes(self) -> Sizes:
        return self.config.count, self.config.test_count, self.config.references

    @property
    def _class_names(self) -> tuple[str, str]:
        rule = self.config.rule
        words = [both[rule[name]] for name, both in _WORDS.items() if name in rule]
        return "other", " ".join(words if "cube" in rule else [*words, "object"])

    @property
    def _graph(self) -> CausalGraph:
        joined = [name for name in PROPERTIES if name in self.config.rule]
        if self.config.confounding != _CHANCE:
            joined.append(self.config.confounder)
        pairs = combinations(sorted(joined, key=PROPERTIES.index), 2)
        return CausalGraph(PROPERTIES, [Edge(*pair, kind=EdgeKind.BIDIRECTED) for pair in pairs])

    def _fits(self, properties: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which objects ``[n, 4]`` fit the rule."""
        fits = [properties[:, PROPERTIES.index(name)] == is_so for name, is_so in self._rule]
        return np.asarray(np.all(fits, axis=0))

    @property
    def _rule(self) -> tuple[tuple[Property, bool], ...]:
        return tuple(self.config.rule.items())

    def _sample(self, n: int, confounding: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return the properties ``[n, 4]`` of objects, half of which fit the rule on average."""
        label = rng.random(n) < _CHANCE
        # Each object that does not fit is one of those with a property that differs from the rule.
        differs = rng.integers(1, 2 ** len(self._rule), size=n) * ~label
        properties = rng.random((n, len(PROPERTIES))) < _CHANCE
        for bit, (name, is_so) in enumerate(self._rule):
            properties[:, PROPERTIES.index(name)] = is_so ^ (differs >> bit & 1).astype(bool)
        agrees = rng.random(n) < confounding
        properties[:, PROPERTIES.index(self.config.confounder)] = label == agrees
        return properties
