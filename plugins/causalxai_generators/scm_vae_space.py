"""The concept space of a deep structural causal model: mechanisms of concepts, and of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.concept_space import held_out_scales
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.lazy import Images
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.network.working_memory import bytes_at_widest
from causalxai.outline import Outline
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record, prefixed, without_prefix
from causalxai_generators.conditional_vae import ConceptReader, ConditionalVae, require_size
from causalxai_generators.generator_quality import GeneratorQuality, measure_quality
from causalxai_generators.labels import boolean_columns, labels_of
from causalxai_generators.mechanisms import Mechanisms, causal_order
from causalxai_generators.picture_space import PictureSpace
from causalxai_generators.vae_training import Material, VaeConfig, train_vae

_CODE, _REST = "code", "rest"
_VAE, _READER, _MECHANISMS = "vae", "reader", "mechanisms"
_MEASURED = 200
_AT_ONCE = 128
_HALF = 0.5


class ScmVaeSpace(PictureSpace):
    """The labelled concepts in a deep structural causal model of them and the image [1]_.

    Each concept follows from its causes by a mechanism with additive noise. The image follows from
    all concepts by a conditional variational autoencoder, whose residual code keeps what the
    concepts do not tell. Abduction reads the concepts with a network that is trained on the labels,
    and then the code. The classifier takes no part in the training: pictures show the concepts as
    the labels mean them, which need not be what the classifier perceives.

    Attributes
    ----------
    vae_, reader_
        The networks, in evaluation mode.
    mean_, sd_
        ``[k]``, of the training labels.
    mechanisms_
        Those of the concepts that have causes.
    boolean_
        Indices of the concepts whose labels are 0 and 1. Their values are 0 and 1, too.
    quality_
        Measures of pictures and readings on test images.
    history_
        ``[steps, terms]``, the losses during training.

    References
    ----------
    .. [1] Pawlowski, Castro, Glocker, "Deep structural causal models for tractable counterfactual
       inference", NeurIPS 2020.
    """

    class Config(VaeConfig):
        """Settings, in addition to those of the training.

        Parameters
        ----------
        causes
            The causes of concepts, by their names: ``{intensity: [thickness]}``. A boolean concept
            can be a cause and has none itself. By default no concept follows another one.
        keep_rest
            Whether what the autoencoder does not paint of an image is added to its pictures. An
            image that nothing is done to then stays as it is; the remains of old edges hide a part
            of what do() changes.
        """

        causes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
        keep_rest: bool = False

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """The labelled concepts in the units of their labels."""
        return [
            BooleanConcept(name) if place in self.boolean_ else Concept(name, scale=scale)
            for place, (name, scale) in enumerate(zip(self._named, self._scales, strict=True))
        ]

    def check_outline(self, outline: Outline) -> None:
        """Check that there are labelled concepts, their causes, and the size of the images.

        Raises
        ------
        CapabilityError
            If one of these does not fit.
        """
        if not outline.concept_names:
            raise CapabilityError(
                "scm-vae needs a data set with labelled concepts, and this one has none"
            )
        causal_order(outline.concept_names, self.config.causes)
        require_size(outline.image_shape)

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that the training labels can be used."""
        labels = labels_of(dataset.train, dataset.concept_names, dataset.concept_names)
        for place in boolean_columns(labels):
            name = dataset.concept_names[place]
            if self.config.causes.get(name):
                raise DataError(
                    f"concepts.causes: {name!r} is boolean and has no additive noise, so that it "
                    "cannot be an effect; leave its causes out"
                )

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Self:
        """Fit the mechanisms, train the networks, and measure them on ``dataset.test``.

        Raises
        ------
        CapabilityError
            If the data set has no labelled concepts, or the images cannot be halved twice.
        DataError
            If the labels cannot be used, or the training breaks down.
        """
        self.check_outline(dataset.outline)
        self.check_dataset(dataset)
        named = dataset.concept_names
        labels = labels_of(dataset.train, named, named)
        self._attach(classifier, named, boolean_columns(labels))
        device = classifier.device
        self.mean_, self.sd_ = labels.mean(dim=0).to(device), labels.std(dim=0).to(device)
        self.mechanisms_ = Mechanisms.fitted(labels, named, self.config.causes)
        reference = dataset.reference
        self.vae_, self.reader_, self.history_ = train_vae(
            self._material(dataset.train),
            None if reference is None or reference.concepts is None else self._material(reference),
            self.config,
            device=device,
            rng=rng,
            progress=progress,
            checkpoint=checkpoint,
        )
        self._measure_memory()
        self._scales = held_out_scales(self, dataset.test.images)
        self.quality_ = self._measured(classifier, dataset)
        return self

    @torch.no_grad()
    def encode(self, images: Tensor) -> Units:
        """Read the concepts, and abduct the code and what the autoencoder does not paint."""
        images = images.to(self._device)
        values = self.read(images)
        concepts = self._standardised(values)
        code = torch.cat(
            [
                self.vae_.encode(some, given)[0]
                for some, given in zip(
                    images.split(_AT_ONCE), concepts.split(_AT_ONCE), strict=True
                )
            ]
        )
        residual = {_CODE: code}
        if self.config.keep_rest:
            residual[_REST] = images - self._painted(code, values)
        return Units(values, residual)

    @torch.no_grad()
    def read(self, images: Images) -> Tensor:
        """Return the values ``[n, d]`` of the concepts in images, as the reader reads them."""
        parts = [
            self.reader_(images[start : start + _AT_ONCE].to(self._device))
            for start in range(0, len(images), _AT_ONCE)
        ]
        values = self.mean_ + self.sd_ * torch.cat(parts)
        for place in self.boolean_:
            values[:, place] = (values[:, place] > _HALF).float()
        return values

    @torch.no_grad()
    def pictures(self, units: Units, states: Tensor) -> Tensor:
        """Return pictures, of which each shows its unit with other values of the concepts."""
        code = units.residual[_CODE].expand(len(states), -1, -1).flatten(0, 1)
        images = self._painted(code, states.flatten(0, 1)).unflatten(0, states.shape[:2])
        rest = units.residual.get(_REST)
        return images if rest is None else torch.add(images, rest).clamp(0, 1)

    def to_record(self) -> Record:
        """Return the networks, the mechanisms and the measures."""
        return Record(
            tensors={
                **prefixed(_VAE, self.vae_.state_dict()),
                **prefixed(_READER, self.reader_.state_dict()),
                **prefixed(_MECHANISMS, self.mechanisms_.tensors()),
                "mean": self.mean_,
                "sd": self.sd_,
                "history": self.history_,
            },
            meta={
                "named": list(self._named),
                "boolean": cast("Json", sorted(self.boolean_)),
                "order": list(self.mechanisms_.of),
                "scales": list(self._scales),
                "quality": self.quality_.to_json(),
            },
        )

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Undo ``to_record``."""
        meta = cast("dict[str, Any]", record.meta)
        self._attach(classifier, meta["named"], frozenset(meta["boolean"]))
        shape, count = classifier.image_shape, len(self._named)
        vae = ConditionalVae(shape, count, self.config.code, self.config.width)
        self.vae_ = self._loaded(vae, without_prefix(_VAE, record.tensors))
        reader = ConceptReader(shape, count)
        self.reader_ = self._loaded(reader, without_prefix(_READER, record.tensors))
        mechanisms = without_prefix(_MECHANISMS, record.tensors)
        self.mechanisms_ = Mechanisms.from_tensors(mechanisms, meta["order"])
        self.mean_ = record.tensors["mean"].to(self._device)
        self.sd_ = record.tensors["sd"].to(self._device)
        self.history_ = record.tensors["history"]
        self._scales = tuple(meta["scales"])
        self.quality_ = GeneratorQuality.from_json(meta["quality"])
        self._measure_memory()
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return the measures on test images."""
        return self.quality_.summary(kept=self.config.keep_rest)

    def _attach(
        self, classifier: Classifier, named: Sequence[str], boolean: frozenset[int]
    ) -> None:
        self._device, self._image_shape = classifier.device, classifier.image_shape
        self._named, self.boolean_ = tuple(named), boolean

    def _loaded(self, network: Any, weights: Mapping[str, Tensor]) -> Any:
        network.load_state_dict(weights)
        return network.to(self._device).eval().requires_grad_(False)

    def _material(self, split: Split) -> Material:
        assert split.concepts is not None
        concepts = (split.concepts - self.mean_.cpu()) / self.sd_.cpu()
        return Material(split.images, concepts.float())

    def _standardised(self, values: Tensor) -> Tensor:
        return (values - self.mean_) / self.sd_

    def _painted(self, code: Tensor, values: Tensor) -> Tensor:
        concepts = self._standardised(values)
        pairs = zip(code.split(_AT_ONCE), concepts.split(_AT_ONCE), strict=True)
        return torch.cat([self.vae_.decode(some, given).sigmoid() for some, given in pairs])

    def _measure_memory(self) -> None:
        given = torch.zeros(1, self.config.code + len(self._named), device=self._device)
        self.bytes_of_a_picture_ = round(
            bytes_at_widest(_Painting(self.vae_, self.config.code), given)
        )

    def _measured(self, classifier: Classifier, dataset: Dataset) -> GeneratorQuality:
        some = dataset.test[evenly_spaced_rows(len(dataset.test), _MEASURED)]
        return measure_quality(
            self,
            classifier,
            some.images[:].to(self._device),
            lambda units: self._painted(units.residual[_CODE], units.values),
            some.concepts,
        )


class _Painting(nn.Module):
    """The decoder as a network of one input, for the measurement of memory."""

    def __init__(self, vae: ConditionalVae, code: int) -> None:
        super().__init__()
        self.vae, self._code = vae, code

    def forward(self, given: Tensor) -> Tensor:
        return self.vae.decode(given[:, : self._code], given[:, self._code :])
