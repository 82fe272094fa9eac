"""The concept space of directions in a layer's activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, cast

import torch
from pydantic import Field
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset, class_index
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.lazy import Images
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.network.flat_gradients import refuse_flat_gradients
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.network.layer_names import require_layers_named
from causalxai.outline import Outline, concept_index
from causalxai.plugin import FolderToRead, PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.digests import digest_files
from causalxai.storage.record import Json, Record, prefixed, without_prefix
from causalxai_activations.direction_layer import bends, direction_layer, gradients
from causalxai_activations.direction_learning import learn_direction
from causalxai_activations.direction_quality import DirectionQuality
from causalxai_activations.examples import (
    Examples,
    check_shape,
    files_of,
    labelled_examples,
    shown_examples,
)
from causalxai_activations.tcav_scores import TcavScores

ACTIVATIONS = "activations"
"""The name in ``Units.residual`` of the layer's activations."""

_TRIED = 16
_AT_ONCE = 64
_MOST_FOR_SCALES = 512
_FEWEST_OF_A_CLASS = 5
_MOST_CLASSES = 20


class DirectionSpace(ConceptSpace):
    """Concepts that are directions in a layer, learned from examples with and without them [1]_.

    The examples are the user's own pictures, beside as many random training images, or the data
    set's labelled concepts. A direction is the normal of a ridge regression of the labels; of a
    concept with continuous values, of these [2]_. A concept's value is an image's position along
    the direction, in standard deviations of held-out images around their mean.

    A direction points to whatever goes along with the concept in its examples, and not to the
    concept alone.

    Attributes
    ----------
    layer_
        The layer, and the rest of the classifier.
    directions_
        ``[m, width]``, each of length 1.
    means_, spreads_
        ``[m]``, of the positions of held-out images.
    quality_
        What is told of each direction, in the order of the concepts.
    scores_, classes_
        The TCAV scores, and the indices of the classes that have them.
    linear_
        Whether the logits are linear in the layer, so that scores can only be 0 or 1.

    References
    ----------
    .. [1] Kim, Wattenberg, Gilmer, Cai, Wexler, Viegas, Sayres, "Interpretability beyond feature
       attribution: Quantitative testing with concept activation vectors", ICML 2018.
    .. [2] Graziani, Andrearczyk, Müller, "Regression concept vectors for bidirectional explanations
       in histopathology", iMIMIC 2018.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        examples
            Folders of pictures of concepts, by the names of these; 10 pictures or more in each.
        labelled
            Concepts that the data set has labels of. By default all, if there are no ``examples``.
        layer
            The layer's name; by default the last one in which the logits are not linear.
        images
            The largest number of examples of a concept, those without it included.
        controls
            The number of random directions that the scores are tested with.
        classes
            The classes that have scores; by default the 20 with most test images. One with fewer
            than five test images has none.
        test_images
            The largest number of test images of each class for the scores.
        ridge
            The penalty of the regression, as a share of the activations' mean squared length.
        """

        examples: dict[str, FolderToRead] = Field(default_factory=dict)
        labelled: tuple[str, ...] | None = None
        layer: str | None = None
        images: int = Field(default=400, ge=20, le=20_000)
        controls: int = Field(default=1000, ge=19, le=100_000)
        classes: tuple[str, ...] | None = None
        test_images: int = Field(default=50, ge=5, le=10_000)
        ridge: float = Field(default=0.1, gt=0, le=1000)

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """The concepts: those with folders of examples, then those with labels."""
        return [Concept(one.name, unit="sd", layer=self.layer_.name) for one in self.quality_]

    @property
    def configured_size(self) -> int | None:
        """The number of concepts, unless it depends on the data set."""
        if self.config.labelled is None and not self.config.examples:
            return None
        return len(self.config.examples) + len(self.config.labelled or ())

    def check_outline(self, outline: Outline) -> None:
        """Check that the labelled concepts are there, and the folders of examples with pictures."""
        labelled = self._labelled(outline.concept_names)
        if not labelled and not self.config.examples:
            raise CapabilityError(
                "tcav needs concepts.examples (folders of pictures of concepts), or a data set "
                "with labelled concepts; this one has none"
            )
        for name in labelled:
            concept_index(name, outline.concept_names, "concepts.labelled")
            if name in self.config.examples:
                raise CapabilityError(f"concepts: {name!r} has both examples and labels; take one")
        for name in self.config.classes or ():
            class_index(name, outline.class_names, "concepts.classes")
        if self.config.examples:
            check_shape(outline.image_shape)
            files_of(self.config.examples)

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that the training images have labels, if concepts are learned from these."""
        if self._labelled(dataset.concept_names) and dataset.train.concepts is None:
            raise CapabilityError(
                "concepts.labelled: the data set's training images have no labels"
            )

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that there is the layer."""
        if self.config.layer is not None:
            require_layers_named([self.config.layer], classifier.model, "concepts.layer")

    def looks_at_files(self) -> bool:
        """Return whether there are examples."""
        return bool(self.config.examples)

    def fingerprint(self) -> str:
        """Return a digest of the example pictures."""
        found = files_of(self.config.examples)
        files = {f"{name}/{i}": file for name, some in found.items() for i, file in enumerate(some)}
        return digest_files(files) if files else ""

    def portable_config(self) -> dict[str, object]:
        """Return the config with the names of the examples, without their folders."""
        config = self.config.model_dump(mode="json", exclude={"examples"})
        return {**config, "examples": list(self.config.examples)}

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """Learn a direction for each concept, and test it.

        Raises
        ------
        CapabilityError
            If there is no layer that fits, or the network gives no gradients.
        DataError
            If a concept has too few examples, or the layer does not vary along its direction.
        """
        self.check_dataset(dataset)
        self.check_outline(dataset.outline)
        classifier.require_gradients("tcav")
        tried = dataset.train.images[:_TRIED].to(classifier.device)
        self._attach(classifier, direction_layer(classifier, self.config.layer, tried))
        refuse_flat_gradients("tcav", self.layer_.logits, self._activations(tried))
        self.linear_ = not bends(self.layer_, tried)
        by_class = self._gradients(dataset)
        self.classes_ = tuple(by_class)
        learned = []
        total = len(self.config.examples) + len(self._labelled(dataset.concept_names))
        with progress.task("learn directions", total=total) as advance:
            for examples in self._examples(dataset, rng):
                learned.append(
                    learn_direction(
                        examples,
                        self._activations(examples.images),
                        list(by_class.values()),
                        ridge=self.config.ridge,
                        controls=self.config.controls,
                        rng=rng,
                    )
                )
                advance(1)
        self.directions_ = torch.stack([one.direction for one in learned])
        self.quality_ = tuple(one.quality for one in learned)
        self.scores_ = TcavScores.of([one.scores for one in learned])
        self._standardise(dataset)
        return self

    @torch.no_grad()
    def encode(self, images: Tensor) -> Units:
        """Read the positions of images along the directions."""
        activations = self._activations(images)
        values = (self.positions(activations) - self.means_) / self.spreads_
        return Units(values.float(), {ACTIVATIONS: activations})

    def to_record(self) -> Record:
        """Return the directions, the scores and what is told of the concepts."""
        return Record(
            tensors={
                "directions": self.directions_,
                "means": self.means_,
                "spreads": self.spreads_,
                **prefixed("scores", self.scores_.tensors()),
            },
            meta={
                "layer": self.layer_.name,
                "linear": self.linear_,
                "classes": list(self.classes_),
                "quality": [one.to_json() for one in self.quality_],
            },
        )

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Undo ``to_record``."""
        meta = cast("dict[str, Any]", record.meta)
        self._attach(classifier, classifier.hidden(meta["layer"]))
        for name in ("directions", "means", "spreads"):
            setattr(self, f"{name}_", record.tensors[name].to(classifier.device))
        self.scores_ = TcavScores.from_tensors(without_prefix("scores", record.tensors))
        self.linear_ = meta["linear"]
        self.classes_ = tuple(meta["classes"])
        self.quality_ = tuple(map(DirectionQuality.from_json, meta["quality"]))
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return the layer, how well each direction tells its concept, and what the test finds."""
        warning = self.warning()
        told: dict[str, Json] = {} if warning is None else {"warning": warning}
        told["layer"] = self.layer_.name
        for one in self.quality_:
            told[f"{one.measure} of {one.name}"] = one.held_out.value
            told[f"{one.measure} by chance"] = one.chance
        scores = self.scores_
        told["TCAV scores"] = int(scores.score.size)
        told["scores that differ from random directions"] = int(scores.found.sum())
        told["effects larger than of random directions"] = int(scores.effects_found.sum())
        return told

    def warning(self) -> str | None:
        """Return what a reader of the results has to know, in words; ``None`` if nothing."""
        if self.linear_:
            return (
                f"the logits are linear in the layer {self.layer_.name!r}, so that each score is 0 "
                "or 1, as those of random directions are; name an earlier layer by concepts.layer"
            )
        poor = [one.name for one in self.quality_ if not one.tells]
        if poor:
            return (
                f"on examples that they were not learned from, these directions tell no more than "
                f"chance: {', '.join(poor)}"
            )
        return None

    def positions(self, activations: Tensor) -> Tensor:
        """Return the positions ``[n, m]`` of activations ``[n, width]`` along the directions."""
        return activations.double() @ self.directions_.double().T

    def _attach(self, classifier: Classifier, layer: HiddenLayer) -> None:
        self._device, self._classifier, self.layer_ = classifier.device, classifier, layer

    def _at_once(self, images: Images) -> int:
        return min(_AT_ONCE, self._classifier.images_at_once(images))

    def _labelled(self, concept_names: tuple[str, ...]) -> tuple[str, ...]:
        if self.config.labelled is not None:
            return self.config.labelled
        return () if self.config.examples else concept_names

    def _examples(self, dataset: Dataset, rng: torch.Generator) -> Iterator[Examples]:
        most = self.config.images
        for name, files in files_of(self.config.examples).items():
            yield shown_examples(dataset, name, files, most, rng)
        for name in self._labelled(dataset.concept_names):
            yield labelled_examples(dataset, name, most, rng)

    @torch.no_grad()
    def _activations(self, images: Tensor) -> Tensor:
        """Return ``[n, width]``, on the classifier's device."""
        return torch.cat(
            [
                self.layer_.activations(some.to(self._device)).flatten(1)
                for some in images.split(self._at_once(images))
            ]
        )

    def _gradients(self, dataset: Dataset) -> dict[int, Tensor]:
        """Return, by class, the gradients of its logit for its test images, ``[n, width]``."""
        labels = dataset.test.labels
        counts = labels.bincount(minlength=len(dataset.class_names))
        if self.config.classes is None:
            chosen = counts.argsort(descending=True, stable=True)[:_MOST_CLASSES].sort().values
            classes = chosen.tolist()
        else:
            classes = [
                class_index(name, dataset.class_names, "concepts.classes")
                for name in self.config.classes
            ]
        found = {}
        for klass in classes:
            rows = (labels == klass).nonzero()[:, 0][: self.config.test_images]
            if len(rows) >= _FEWEST_OF_A_CLASS:
                parts = [
                    gradients(
                        self.layer_, self._activations(dataset.test.images[some]),
                        torch.full((len(some),), klass),
                    )
                    for some in rows.split(_AT_ONCE)
                ]  # fmt: skip
                found[klass] = torch.cat(parts)
        return found

    def _standardise(self, dataset: Dataset) -> None:
        """Keep the mean and the spread of held-out images along each direction."""
        images = dataset.test.images
        rows = evenly_spaced_rows(len(images), _MOST_FOR_SCALES)
        positions = torch.cat(
            [self.positions(self._activations(images[some])) for some in rows.split(_AT_ONCE)]
        )
        self.means_, self.spreads_ = positions.mean(dim=0), positions.std(dim=0, correction=0)
        for one, spread in zip(self.quality_, self.spreads_.tolist(), strict=True):
            if spread == 0:
                raise DataError(
                    f"concepts: the layer {self.layer_.name!r} does not vary along the direction "
                    f"of {one.name!r} over the test images"
                )
