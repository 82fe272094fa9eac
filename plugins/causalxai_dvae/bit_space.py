"""The concept space of the bits of a code of a hidden layer of the classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Self, cast

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.image_data.lazy import Images, batches, mean_image
from causalxai.memory import memory_limit, tell_if_too_large
from causalxai.network.flat_gradients import refuse_flat_gradients
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.network.layer_names import require_layers_named
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record, prefixed, without_prefix
from causalxai_dvae.autoencoder import AutoencoderConfig, DiscreteAutoencoder
from causalxai_dvae.autoencoder_training import CodeQuality, measure_code, train_autoencoder
from causalxai_dvae.generator import Generator, GeneratorConfig
from causalxai_dvae.generator_training import train_generator
from causalxai_dvae.picture_quality import PictureQuality, measure_pictures
from causalxai_dvae.stages import done_before, stage_of

_CODE, _PAINT = "code", "paint"
_AT_ONCE = 256
_TRIED = 4
_MOST_WEIGHTS = 100_000_000
# The weight, its gradient, Adam's two moments and, at first, its value in double precision.
_BYTES_OF_A_WEIGHT = 24
# Activations, the decoded ones, and those in double precision.
_COPIES, _BYTES = 6, 4


class BitSpace(ConceptSpace):
    """The bits of a discrete autoencoder of a hidden layer, and a generator that renders them.

    A bit has no name of its own; its meaning is seen in the effect of its flip. The autoencoder is
    trained first, on activations alone. Then the generator is trained, with the autoencoder fixed,
    to render the image from the decoded code.

    Attributes
    ----------
    layer_
        The hidden layer phi, and the rest of the classifier.
    autoencoder_, generator_
        The networks, in evaluation mode, on the classifier's device.
    quality_, pictures_
        Measures of the code and of the pictures on test images, on which neither was trained.
    coding_history_, painting_history_
        ``[steps, terms]``, the losses of the two trainings.

    Notes
    -----
    Source: *Latent space explanation by intervention*, "Discrete concepts in a hidden layer" and
    "Visual explanation of a latent space".
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        layer
            The hidden layer's name, as in ``named_modules``: any layer from which alone the logits
            follow, whatever the shape of its activations. By default the input of the last layer,
            which must then be linear.
        autoencoder, generator
            Settings of the two networks.
        paint_from
            The images on which both networks are trained. ``reference`` are the data set's images
            whose concepts are independent. From other images the generator learns correlations
            between concepts, and shows these even where the classifier does not use them.
        """

        layer: str | None = None
        autoencoder: AutoencoderConfig = AutoencoderConfig()
        generator: GeneratorConfig = GeneratorConfig()
        paint_from: Literal["train", "reference"] = "train"

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """The bits, in the order of the code."""
        return [
            BooleanConcept(f"bit {number}", layer=self.layer_.name)
            for number in range(self.config.autoencoder.bits)
        ]

    @property
    def configured_size(self) -> int:
        """The number of bits."""
        return self.config.autoencoder.bits

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that there are images for ``paint_from``."""
        self._source(dataset)

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that there is the layer, and that the logits follow from it alone."""
        if self.config.layer is not None:
            require_layers_named([self.config.layer], classifier.model, "concepts.layer")
        layer = classifier.hidden(self.config.layer)
        _check_size(layer, classifier.image_shape)

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Self:
        """Train both networks, and measure them on ``dataset.test``.

        Raises
        ------
        CapabilityError
            If the classifier has no such layer, the layer is too wide for a generator, the logits
            have no gradients with respect to it, or reference images are requested and the data set
            has none.
        DataError
            If the layer does not vary, or a training diverges.
        """
        self.learn(classifier, dataset, rng=rng, progress=progress, checkpoint=checkpoint)
        self._measure(dataset.test, mean_image(self._source(dataset).images), rng)
        return self

    def learn(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> None:
        """Train both networks as ``fit`` does, without measuring them."""
        source = self._source(dataset)
        self._attach(classifier)
        _check_size(self.layer_, classifier.image_shape)
        tell_if_too_large(
            "the activations of the training images",
            _COPIES * _BYTES * len(source) * self.layer_.width,
            "name a layer with fewer units (concepts.layer), or take fewer images",
        )
        activations = self.activations(source.images)
        # Both trainings follow gradients of the logits through the layers behind.
        refuse_flat_gradients("dvae", self.layer_.logits, activations[:_TRIED])
        code = done_before(checkpoint, _PAINT)
        if code is None:
            self.autoencoder_, self.coding_history_ = train_autoencoder(
                activations,
                self.config.autoencoder,
                layer=self.layer_,
                device=classifier.device,
                rng=rng,
                progress=progress,
                checkpoint=stage_of(checkpoint, _CODE, {}),
            )
        else:
            self._restore_code(code)
        self.generator_, self.painting_history_ = train_generator(
            self.autoencoder_,
            self.layer_,
            activations,
            source.images,
            self.config.generator,
            device=classifier.device,
            rng=rng,
            progress=progress,
            checkpoint=stage_of(checkpoint, _PAINT, self._code_tensors()),
        )

    @torch.no_grad()
    def activations(self, images: Images) -> Tensor:
        """Return ``[n, d]``, the hidden layer's values, flat, on the classifier's device."""
        device = self._classifier.device
        return torch.cat(
            [
                self.layer_.activations(batch.to(device)).flatten(1)
                for batch in batches(images, min(_AT_ONCE, self._classifier.images_at_once(images)))
            ]
        )

    @torch.no_grad()
    def encode(self, images: Tensor) -> Units:
        """Read the bits of images from the hidden layer."""
        return Units(self.autoencoder_.code(self.activations(images)))

    def to_record(self) -> Record:
        """Return both networks' weights, the histories and the measures."""
        return Record(
            tensors={
                **self._code_tensors(),
                **prefixed("generator", self.generator_.state_dict()),
                "painting": self.painting_history_,
            },
            meta={"quality": self.quality_.to_json(), "pictures": self.pictures_.to_json()},
        )

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Undo ``to_record``."""
        self._attach(classifier)
        self._restore_code(record.tensors)
        # The initial weights are overwritten, and must not be drawn from torch's global generator.
        generator = seeded(
            lambda: Generator(self.layer_.width, classifier.image_shape, self.config.generator),
            torch.Generator(),
        )
        generator.load_state_dict(without_prefix("generator", record.tensors))
        self.generator_ = generator.to(classifier.device).eval().requires_grad_(False)
        self.painting_history_ = record.tensors["painting"]
        self.quality_ = CodeQuality.from_json(cast("dict[str, Json]", record.meta["quality"]))
        self.pictures_ = PictureQuality.from_json(cast("dict[str, Json]", record.meta["pictures"]))
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return the measures on test images."""
        code, pictures = self.quality_, self.pictures_
        warning = code.collapse_warning()
        return {
            **({} if warning is None else {"warning": warning}),
            "changed": code.changed,
            "changed from phi": code.changed_from_phi,
            "agreement": code.agreement,
            "accuracy": code.accuracy,
            "accuracy with the code": code.accuracy_reconstructed,
            "explained variance": code.explained,
            "bits": len(code.ones),
            "dead bits": len(code.dead),
            "distinct codes": code.distinct_codes,
            "picture error": pictures.reconstruction,
            "error of the mean image": pictures.mean_image,
            "classifier's agreement with pictures": pictures.agreement,
            "by chance": pictures.chance,
            "classifier's agreement with flipped pictures": pictures.agreement_flipped,
            "flipped, by chance": pictures.chance_flipped,
            "shared information": pictures.shared_information,
            "shared information, shuffled": pictures.shared_by_chance,
        }

    def _attach(self, classifier: Classifier) -> None:
        if self.config.layer is None:
            classifier.require_head("dvae without 'layer'")
        self._classifier, self.layer_ = classifier, classifier.hidden(self.config.layer)

    def _source(self, dataset: Dataset) -> Split:
        if self.config.paint_from == "train":
            return dataset.train
        if dataset.reference is None:
            raise CapabilityError(
                "paint_from: reference needs images whose concepts are independent; this data set "
                "has none, so take paint_from: train"
            )
        return dataset.reference

    def _measure(self, test: Split, mean_image: Tensor, rng: torch.Generator) -> None:
        activations = self.activations(test.images)
        self.quality_ = measure_code(self.autoencoder_, self.layer_, activations, test.labels)
        self.pictures_ = measure_pictures(
            self.generator_,
            self.autoencoder_,
            self.layer_,
            self._classifier,
            activations=activations,
            images=test.images,
            mean_image=mean_image,
            rng=rng,
        )

    def _code_tensors(self) -> dict[str, Tensor]:
        weights = prefixed("autoencoder", self.autoencoder_.state_dict())
        return {**weights, "coding": self.coding_history_}

    def _restore_code(self, tensors: Mapping[str, Tensor]) -> None:
        autoencoder = seeded(
            lambda: DiscreteAutoencoder(self.layer_.width, self.config.autoencoder),
            torch.Generator(),
        )
        autoencoder.load_state_dict(without_prefix("autoencoder", tensors))
        self.autoencoder_ = autoencoder.to(self._classifier.device).eval().requires_grad_(False)
        self.coding_history_ = tensors["coding"]


def _check_size(layer: HiddenLayer, image_shape: tuple[int, int, int]) -> None:
    """Raise CapabilityError if a generator has too many weights, in itself or for the memory."""
    weights = layer.width * math.prod(image_shape)
    which = f"the layer {layer.name!r} has {layer.width:,} units, and a generator would"
    if weights > _MOST_WEIGHTS:
        raise CapabilityError(
            f"{which} need {weights:,} weights, more than {_MOST_WEIGHTS:,}; name a later layer, "
            "or take smaller images"
        )
    needed = weights * _BYTES_OF_A_WEIGHT
    if needed > memory_limit():
        raise CapabilityError(
            f"{which} take about {needed // 2**20:,} MiB of memory while it is trained, more than "
            f"the {memory_limit() // 2**20:,} of memory_mb; raise memory_mb, name a later layer, "
            "or take smaller images"
        )
