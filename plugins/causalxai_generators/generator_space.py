"""The concept space of directions, or of single latents, of the user's generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self, cast

import torch
from pydantic import Field, NonNegativeInt, model_validator
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.concept_space import held_out_scales
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.network.weights import load_weights
from causalxai.outline import Outline, concept_index
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record, prefixed, without_prefix
from causalxai_generators.generator import Codes, Generator
from causalxai_generators.generator_quality import GeneratorQuality, measure_quality
from causalxai_generators.generator_source import GeneratorSettings, GeneratorSource
from causalxai_generators.labels import boolean_columns, labels_of
from causalxai_generators.latent_directions import LatentDirections
from causalxai_generators.picture_space import PictureSpace

_LATENTS, _KEPT, _REST = "latents", "kept", "rest"
_STATE = "generator"
_MOST_LATENTS = 64
_TRIED = 16
_MEASURED = 200
_HALF = 0.5


class GeneratorSpace(PictureSpace):
    """Concepts in the latents of a generator of the user's own: any ``encode`` and ``decode`` [1]_.

    The concepts are the data set's labels, each with a direction in the latents along which it
    changes while the readings of the others stay; or single latents. Directions are fitted to
    reference images, if the data set has some, because a direction is learned together with
    everything that goes along with its concept in the images it is fitted to.

    Attributes
    ----------
    generator_
        A copy of the user's network.
    directions_
        How concepts are read from latents, and how latents are moved.
    single_
        Whether the concepts are single latents.
    boolean_
        Indices of the concepts whose labels are 0 and 1. Their values are 0 and 1, too.
    quality_
        Measures of pictures and directions on test images.

    References
    ----------
    .. [1] Shen, Gu, Tang, Zhou, "Interpreting the latent space of GANs for semantic face editing",
       CVPR 2020.
    """

    class Config(GeneratorSettings):
        """Settings, in addition to those that name the generator.

        Parameters
        ----------
        labelled
            The labelled concepts that have directions; by default all, unless ``latents`` names
            some.
        latents
            The numbers of single latents that are concepts, in the place of labelled ones. Without
            labels all are, if there are at most 64.
        keep_rest
            Whether what the generator does not reproduce of an image is added to its pictures, so
            that an image that nothing is done to stays as it is. Switch it off where an edit moves
            what is in the image, which would leave the old place to be seen.
        images
            The largest number of images that directions are fitted to.
        """

        labelled: tuple[str, ...] | None = None
        latents: tuple[NonNegativeInt, ...] | None = None
        keep_rest: bool = True
        images: int = Field(default=5000, ge=50, le=100_000)

        @model_validator(mode="after")
        def _name_one_kind(self) -> Self:
            if self.labelled is not None and self.latents is not None:
                raise ValueError(
                    "set either labelled or latents: the concepts are one or the other"
                )
            return self

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """The labelled concepts in the units of their labels, or latents in sds."""
        if self.single_:
            return [Concept(name, unit="sd") for name in self._named]
        return [
            BooleanConcept(name) if place in self.boolean_ else Concept(name, scale=scale)
            for place, (name, scale) in enumerate(zip(self._named, self._scales, strict=True))
        ]

    @property
    def configured_size(self) -> int | None:
        """The number of concepts, unless it depends on the data set."""
        chosen = self.config.labelled or self.config.latents
        return None if chosen is None else len(chosen)

    def check_outline(self, outline: Outline) -> None:
        """Check the concepts' names, and that the generator takes and gives images of this size.

        Raises
        ------
        CapabilityError
            If there is no concept or latent of a name.
        DataError
            If the generator cannot be imported or does not answer as it should.
        """
        for name in self.config.labelled or ():
            concept_index(name, outline.concept_names, "concepts.labelled")
        generator = self._loaded(outline.image_shape, torch.device("cpu"), torch.Generator())
        if not self._labelled(outline.concept_names):
            self._columns(generator.latents)

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that the labels can be used."""
        if named := self._labelled(dataset.concept_names):
            labels_of(self._fitted_to(dataset), dataset.concept_names, named)

    def fingerprint(self) -> str:
        """Return a digest of the generator: its weights and buffers, its settings and its code.

        Raises
        ------
        DataError
            If the import or the call fails, or the weights cannot be loaded.
        """
        return self._source.digest()

    def portable_config(self) -> dict[str, object]:
        """Return the config without the paths of weights and code."""
        return self.config.model_dump(mode="json", exclude={"weights", "import_from"})

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """Fit the directions, and measure them on ``dataset.test``.

        Raises
        ------
        CapabilityError
            If there is no concept or latent of a name.
        DataError
            If the generator does not answer as it should, or the labels cannot be used.
        """
        self.check_outline(dataset.outline)
        self.check_dataset(dataset)
        generator = self._loaded(classifier.image_shape, classifier.device, rng)
        split = self._fitted_to(dataset)
        generator.require_range(split.images[:_TRIED])
        rows = evenly_spaced_rows(len(split), self.config.images)
        codes = generator.encode(split.images[rows])
        named = self._labelled(dataset.concept_names)
        self.boolean_, self.single_ = frozenset[int](), not named
        if named:
            labels = labels_of(split, dataset.concept_names, named)[rows]
            self.boolean_ = boolean_columns(labels)
            directions = LatentDirections.fitted(codes.latents, labels)
        else:
            columns = self._columns(generator.latents)
            directions = LatentDirections.single(codes.latents, columns)
            named = tuple(f"latent {column}" for column in columns)
        self._attach(classifier, generator, directions, named)
        self._scales = held_out_scales(self, dataset.test.images)
        self.quality_ = self._measured(classifier, dataset)
        return self

    def encode(self, images: Tensor) -> Units:
        """Read the concepts from the latents; what the latents do not tell is kept beside them."""
        codes = self.generator_.encode(images)
        residual = {_LATENTS: codes.latents}
        residual |= {f"{_KEPT} {place}": kept for place, kept in enumerate(codes.kept)}
        if self.config.keep_rest:
            residual[_REST] = images.to(codes.latents.device) - self.generator_.decode(codes)
        return Units(self._values(codes.latents), residual)

    def read(self, images: Tensor) -> Tensor:
        """Return the values ``[n, d]`` of the concepts in images."""
        return self._values(self.generator_.encode(images).latents)

    def pictures(self, units: Units, states: Tensor) -> Tensor:
        """Return pictures, of which each shows its unit with other values of the concepts."""
        count, codes = len(states), _codes_of(units)
        moved = codes.latents + (states - units.values) @ self.directions_.moves
        again = tuple(part.expand(count, *part.shape).flatten(0, 1) for part in codes.kept)
        images: Tensor = self.generator_.decode(Codes(moved.flatten(0, 1), again))
        images = images.unflatten(0, states.shape[:2])
        rest = units.residual.get(_REST)
        return images if rest is None else torch.add(images, rest).clamp(0, 1)

    def to_record(self) -> Record:
        """Return the directions and, of an imported generator, the weights."""
        tensors = self.directions_.tensors()
        if self.config.generator is None:
            tensors |= prefixed(_STATE, self.generator_.network.state_dict())
        return Record(
            tensors=tensors,
            meta={
                "named": list(self._named),
                "single": self.single_,
                "boolean": cast("Json", sorted(self.boolean_)),
                "scales": list(self._scales),
                "quality": self.quality_.to_json(),
            },
        )

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Undo ``to_record``; the generator's code is imported again."""
        meta = cast("dict[str, Any]", record.meta)
        network = self._source.built(torch.Generator())
        if self.config.generator is None:
            stored = without_prefix(_STATE, record.tensors)
            load_weights(network, stored, origin=f"the stored {self.config.import_path}")
        generator = Generator(network, classifier.image_shape, classifier.device)
        self._attach(
            classifier, generator, LatentDirections.from_tensors(record.tensors), meta["named"]
        )
        self.boolean_, self.single_ = frozenset(meta["boolean"]), meta["single"]
        self._scales = tuple(meta["scales"])
        self.quality_ = GeneratorQuality.from_json(meta["quality"])
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return the measures on test images."""
        return self.quality_.summary(kept=self.config.keep_rest)

    def _attach(
        self,
        classifier: Classifier,
        generator: Generator,
        directions: LatentDirections,
        named: Sequence[str],
    ) -> None:
        self.generator_, self._named = generator, tuple(named)
        self.directions_ = directions.to(classifier.device)
        # Latents are held as they are and moved, in float32.
        self.bytes_of_a_picture_ = round(generator.bytes_of_a_picture()) + 8 * generator.latents

    def _values(self, latents: Tensor) -> Tensor:
        values = self.directions_.read(latents)
        for place in self.boolean_:
            values[:, place] = (values[:, place] > _HALF).float()
        return values

    def _measured(self, classifier: Classifier, dataset: Dataset) -> GeneratorQuality:
        some = dataset.test[evenly_spaced_rows(len(dataset.test), _MEASURED)]
        labels = None
        if not self.single_ and some.concepts is not None:
            columns = [dataset.concept_names.index(name) for name in self._named]
            labels = some.concepts[:, columns]
        return measure_quality(
            self,
            classifier,
            some.images[:].to(classifier.device),
            lambda units: self.generator_.decode(_codes_of(units)),
            labels,
        )

    def _labelled(self, concept_names: tuple[str, ...]) -> tuple[str, ...]:
        if self.config.labelled is not None:
            return self.config.labelled
        return () if self.config.latents is not None else concept_names

    def _fitted_to(self, dataset: Dataset) -> Split:
        reference = dataset.reference
        usable = reference is not None and reference.concepts is not None
        return reference if usable and reference is not None else dataset.train

    def _columns(self, count: int) -> tuple[int, ...]:
        chosen = self.config.latents
        if chosen is None:
            if count > _MOST_LATENTS:
                raise CapabilityError(
                    f"the data set has no labelled concepts and the generator {count} latents: "
                    f"name those that are concepts by concepts.latents, for example [0, 1, 2]"
                )
            return tuple(range(count))
        wrong = [place for place in chosen if place >= count]
        if wrong or not chosen or len(set(chosen)) < len(chosen):
            raise CapabilityError(
                f"concepts.latents should be different numbers from 0 to {count - 1}, not "
                f"{list(chosen)}"
            )
        return chosen

    @cached_property
    def _source(self) -> GeneratorSource:
        return GeneratorSource(self.config)

    def _loaded(
        self, image_shape: tuple[int, int, int], device: torch.device, rng: torch.Generator
    ) -> Generator:
        return Generator(self._source.network(rng), image_shape, device)


def _codes_of(units: Units) -> Codes:
    """Return the codes that ``encode`` put into the units' residual."""
    kept = (tensor for name, tensor in units.residual.items() if name.startswith(_KEPT))
    return Codes(units.residual[_LATENTS], tuple(kept))
