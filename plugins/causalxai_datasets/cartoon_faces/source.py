"""The data set of cartoon faces, whose attributes have known causal relations."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.errors import DataError
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator
from causalxai_datasets.cartoon_faces.appearance import draw_looks
from causalxai_datasets.cartoon_faces.attribute_tables import (
    ATTRIBUTE_MODEL,
    FAIR,
    AttributeModel,
    draw_noise,
    projected,
)
from causalxai_datasets.cartoon_faces.attributes import ATTRIBUTES, Attribute
from causalxai_datasets.cartoon_faces.renderer import DrawnFaces, FaceRenderer
from causalxai_datasets.cartoon_faces.rendering import draw_faces
from causalxai_datasets.drawn_dataset import drawn_outline


class Bias(PluginConfig):
    """A planted correlation of the task with an attribute that is otherwise unrelated to it.

    Parameters
    ----------
    attribute
        Any attribute but the task.
    share
        ``P(task | attribute)``, and ``P(task | not attribute)`` is one minus that, in (0, 1): with
        0.7 most smiling faces are male ones, with 0.3 most are not, with 0.5 the two are
        independent.
    """

    attribute: Attribute
    share: float = Field(gt=0, lt=1)


class CartoonFaces(DatasetSource):
    """Cartoon faces with eleven attributes, whose causal graph is given.

    The ten attributes are those of [1]_, figure 8, beside sex. Each is binary, with log-odds that
    depend on its causes (``attribute_tables.ATTRIBUTE_MODEL``): sex for beard, moustache, make-up,
    lipstick and wavy hair, smiling for an open mouth and high cheekbones, and so on. Skin, hair
    colour, background, proportions and pose are drawn independently of them all.

    ``Split.concepts`` are 0 or 1. ``Dataset.graph`` has an edge a → b if there is a directed path
    from a to b through attributes that are not concepts. A common cause of two concepts is not
    represented, unless it is a concept itself.

    ``bias`` replaces the odds of two attributes, for training and test alike: the attribute becomes
    a fair coin without causes, and it becomes the task's only cause, as ``graph`` states. Half of
    the faces then have each of the two, and all other attributes keep their odds. Where the task is
    a cause of the attribute, the edge keeps its direction, with the same joint distribution.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        size
            Height and width in pixels, a multiple of eight.
        count, test_count
            The numbers of faces for training and for the test.
        task
            The attribute that defines the two classes, ``not`` it and it.
        concepts
            The attributes whose values come with the images; by default all but the task.
        bias
            A bias to plant; ``{attribute: male, share: 0.7}``.
        balanced
            Make the task so likely that half of all faces have it. Only the base of its odds
            changes, and no edge. With a bias this holds in any case.
        masked
            The share of faces that wear a mask, whatever their attributes. The drawn faces are so
            clear that a classifier does not need a bias; where it cannot see the task, it relies on
            what is correlated with it.
        references
            The number of additional faces whose eleven attributes are independent fair coins.
        """

        size: int = Field(32, ge=32, le=512, multiple_of=8)
        count: PositiveInt = 5000
        test_count: PositiveInt = 1000
        task: Attribute = "smiling"
        concepts: tuple[Attribute, ...] | None = Field(None, min_length=1)
        bias: Bias | None = None
        balanced: bool = False
        masked: float = Field(0.0, ge=0, le=1)
        references: NonNegativeInt = 0

        @field_validator("concepts")
        @classmethod
        def _are_different(
            cls, names: tuple[Attribute, ...] | None
        ) -> tuple[Attribute, ...] | None:
            for name in names or ():
                if (names or ()).count(name) > 1:
                    raise ValueError(f"{name!r} is repeated")
            return names

        @model_validator(mode="after")
        def _is_no_tautology(self) -> Self:
            if self.bias is not None and self.bias.attribute == self.task:
                raise ValueError(f"the bias needs another attribute than the task, {self.task!r}")
            return self

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        return drawn_outline(
            self._class_names, self.config.size, self._names, references=self.config.references
        )

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Draw the faces; 5 000 of 32 pixels take some seconds on two cores.

        Raises
        ------
        DataError
            If all of the drawn faces have, or all lack, the task or a concept.
        """
        attribute_model = self.attribute_model()
        train, test, reference = numpy_generator(rng).spawn(3)
        faces = [self._drawn(attribute_model, self.config.count, train, progress)]
        faces.append(self._drawn(attribute_model, self.config.test_count, test, progress))
        if self.config.references:
            faces.append(self._drawn(FAIR, self.config.references, reference, progress))
        splits = [self._split(part) for part in faces]
        self._check_variety("training", splits[0], self.config.count)
        if self.config.references:
            self._check_variety("reference", splits[2], self.config.references)
        return Dataset(
            train=splits[0],
            test=splits[1],
            class_names=self._class_names,
            concept_names=self._names,
            graph=projected(attribute_model.graph, self._names),
            reference=splits[2] if self.config.references else None,
            renderer=FaceRenderer(attribute_model, self._names, faces),
        )

    def attribute_model(self) -> AttributeModel:
        """Return the causal model of the training and the test faces."""
        bias, task = self.config.bias, self.config.task
        if bias is not None:
            return ATTRIBUTE_MODEL.biased(task, bias.attribute, bias.share)
        return ATTRIBUTE_MODEL.balanced(task) if self.config.balanced else ATTRIBUTE_MODEL

    @property
    def _class_names(self) -> tuple[str, str]:
        return f"not {self.config.task}", self.config.task

    @property
    def _names(self) -> tuple[Attribute, ...]:
        if self.config.concepts is None:
            return tuple(name for name in ATTRIBUTES if name != self.config.task)
        return self.config.concepts

    def _drawn(
        self, attribute_model: AttributeModel, n: int, rng: np.random.Generator, progress: Progress
    ) -> DrawnFaces:
        noise = draw_noise(n, rng)
        attributes = attribute_model.follow(noise)
        looks = draw_looks(n, rng, self.config.masked)
        images = draw_faces(attributes, looks, self.config.size, progress)
        return DrawnFaces(noise, attributes, looks, images, follows=attribute_model is not FAIR)

    def _split(self, faces: DrawnFaces) -> Split:
        values = torch.from_numpy(faces.attributes)
        columns = [ATTRIBUTES.index(name) for name in self._names]
        labels = values[:, ATTRIBUTES.index(self.config.task)].long()
        return Split(faces.images, labels, values[:, columns].float())

    def _check_variety(self, part: str, split: Split, n: int) -> None:
        assert split.concepts is not None
        columns = {
            self.config.task: split.labels,
            **dict(zip(self._names, split.concepts.T, strict=True)),
        }
        for name, values in columns.items():
            if bool((values == values[0]).all()):
                have = "have" if values[0] else "lack"
                raise DataError(f"all of {n} {part} faces {have} the attribute {name!r}; draw more")
