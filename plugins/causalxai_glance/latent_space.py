"""The concept space of a twin's aligned latents; named ones are in the units of their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import BooleanConcept, Concept, Units
from causalxai.concept_space import ConceptSpace, held_out_scales
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.graph_discoverer import BackgroundKnowledge
from causalxai.image_data.lazy import mean_image
from causalxai.memory import rows_that_fit
from causalxai.network.flat_gradients import refuse_flat_gradients
from causalxai.network.working_memory import bytes_at_widest
from causalxai.outline import Outline
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record
from causalxai_glance.concept_labels import check_count, check_labels, labels_to_fit
from causalxai_glance.scm import (
    MOST_BOOLEAN,
    MOST_NODES,
    MOST_NODES_LIMITED,
    Pair,
    StructuralModel,
    is_boolean,
)
from causalxai_glance.twin.generator import resolutions
from causalxai_glance.twin.material import Independent, material_of
from causalxai_glance.twin.objective import Batch
from causalxai_glance.twin.overlap import effective_share, independence_weights
from causalxai_glance.twin.quality import MOST_AT_ONCE, Quality, measure_quality
from causalxai_glance.twin.training import TwinConfig, new_twin, train_twin

_PARENTS_BEYOND = 3
_UNNAMED = "latent "
_TRIED = 4

PREDICTION = "prediction"
"""The name of the node for the classifier's prediction."""


class LatentSpace(ConceptSpace):
    """Aligned latents of a twin surrogate that is distilled from the classifier [1]_.

    The first concepts are the data set's context features, in the units of their labels; the others
    are called ``latent i`` and are measured in sds. The alignment block ends in an SCM layer, a
    structural model that is fitted to the labels alone and determines how the other concepts follow
    when one of them is set.

    Attributes
    ----------
    twin_
        The networks, in evaluation mode.
    mean_, sd_
        ``[L]``, mean and sd of each named concept's labels in training; 0 and 1 for unnamed ones.
    centre_, spread_
        ``[L]``, mean and sd of each unnamed latent in training; 0 and 1 for the named, which are
        aligned to standardised labels.
    scale_
        ``[k]``, the sd of each named concept as it is read in test images.
    scm_
        The SCM layer over the named concepts, or ``None`` without them.
    boolean_
        Indices of the named concepts whose labels are 0 and 1.
    quality_
        Measures of the twin on test images, on which it was not trained.
    history_
        ``[steps, terms]``, the losses during training.
    overlap_
        The effective sample size of the training images with weights under which the concepts are
        independent, as a share of their number; ``None`` where no weights were needed.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, sections 3.1 and 3.2.
    """

    class Config(TwinConfig):
        """Settings, in addition to those of the twin.

        Parameters
        ----------
        links
            Whether the SCM layer may transform an effect by a logarithm or a logit where that
            describes it better (post-nonlinear models).
        max_parents
            The largest number of causes of a concept in the SCM layer; by default unlimited, and 3
            for 11 to 16 concepts. The graph of up to 16 concepts is searched exactly, that of more
            by moving concepts within a causal order.
        scm_limit
            The largest number of labels, evenly spaced, to which the SCM layer is fitted.
        background
            Background knowledge of the SCM layer's edges. Boolean labels leave many directions
            undetermined, and the effects of do() depend on these directions.
        """

        links: bool = True
        max_parents: NonNegativeInt | None = None
        scm_limit: int = Field(5000, ge=50)
        background: BackgroundKnowledge = BackgroundKnowledge()

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """The named concepts, then the unnamed ones."""
        named = [
            BooleanConcept(name) if place in self.boolean_ else Concept(name, scale=scale)
            for place, (name, scale) in enumerate(
                zip(self.named_, self.scale_.tolist(), strict=True)
            )
        ]
        numbers = range(len(named), self.config.latents)
        return [*named, *(Concept(f"{_UNNAMED}{number}", unit="sd") for number in numbers)]

    @property
    def configured_size(self) -> int:
        """The number of latents."""
        return self.config.latents

    def check_outline(self, outline: Outline) -> None:
        """Check that a twin can paint the images, and the concepts' names and ``background``.

        Raises
        ------
        CapabilityError
            If the images cannot be painted, there are too many named concepts, or ``background``
            does not fit them.
        DataError
            If a concept's name can't be used.
        """
        resolutions(outline.image_shape)
        self._check_names(outline.concept_names)
        self.config.background.among(outline.concept_names)

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that the network ends in a linear layer."""
        classifier.require_head("glance")

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that a twin can be trained on the images and the concepts' labels.

        Raises
        ------
        DataError
            If the images are too few, or a concept's labels can't be used.
        """
        labels = dataset.train.concepts
        named = () if labels is None else dataset.concept_names
        check_count(len(dataset.train), bool(named))
        if labels is not None:
            check_labels(labels, named)

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Self:
        """Train the twin on ``dataset.train`` and measure it on ``dataset.test``.

        It sees reference images too or, without them, rare combinations of concepts more often.

        Raises
        ------
        CapabilityError
            If the classifier does not end in a linear layer or has no gradients, the images can't
            be painted, or there are more named concepts than latents.
        DataError
            If images are too few, a label does not vary, or the training breaks down.
        """
        classifier.require_gradients("the training of a twin")
        classifier.require_head("glance")
        self.check_outline(dataset.outline)
        self.check_dataset(dataset)
        labelled = dataset.train.concepts is not None
        self._attach(classifier, dataset.concept_names if labelled else ())
        some = dataset.train.images[:_TRIED].to(classifier.device)
        refuse_flat_gradients("glance", classifier.model, some)
        material = material_of(dataset.train, self._standardise(dataset), classifier)
        self.scm_ = self._fit_scm(dataset.train)
        self.twin_, self.history_ = train_twin(
            classifier,
            material,
            self.config,
            independent=self._independent(dataset, material, rng),
            levels=self._levels(),
            rng=rng,
            progress=progress,
            checkpoint=checkpoint,
        )
        self._scale_the_unnamed(material.embeddings)
        test = dataset.test
        self.scale_ = torch.tensor(held_out_scales(self, test.images)[: len(self.named_)])
        self.quality_ = measure_quality(
            self.twin_,
            classifier,
            test.images,
            self._standardised(test),
            mean_image=mean_image(dataset.train.images),
            levels=self._levels(),
            rng=rng,
            at_once=rows_that_fit(self._bytes_of_a_picture(), MOST_AT_ONCE),
        )
        return self

    @property
    def unit_(self) -> Tensor:
        """``[L]``, one unit of do(): an sd, or 1 for a boolean concept."""
        unit = self.sd_.clone()
        unit[sorted(self.boolean_)] = 1.0
        return unit

    @property
    def parents_at_most(self) -> int | None:
        """The largest number of causes of a concept in the SCM layer; ``None`` for no limit."""
        searched = MOST_BOOLEAN if len(self.boolean_) == len(self.named_) else MOST_NODES
        exact_if_limited = searched < len(self.named_) <= MOST_NODES_LIMITED
        if self.config.max_parents is None and exact_if_limited:
            return _PARENTS_BEYOND
        return self.config.max_parents

    @property
    def known(self) -> tuple[frozenset[Pair], frozenset[Pair]]:
        """The required and the forbidden edges of the SCM layer."""
        return self.config.background.among(self.named_)

    def labels(self, split: Split) -> NDArray[np.float64]:
        """Return the labels that the SCM layer is fitted to, ``[n, k]``, in their own units."""
        return labels_to_fit(split, self.config.scm_limit)

    def encode(self, images: Tensor) -> Units:
        """Read the latents of images from the classifier's embedding."""
        with torch.no_grad():
            latents = self.twin_.latents(self._classifier.embed(images))
        return Units(self.values(latents))

    def values(self, latents: Tensor) -> Tensor:
        """Return latents ``[..., L]`` in the concepts' units."""
        return self.mean_ + self.sd_ * (latents - self.centre_) / self.spread_

    def latents(self, values: Tensor) -> Tensor:
        """Convert values in the concepts' units back to latents, the inverse of ``values``."""
        return self.centre_ + self.spread_ * (values - self.mean_) / self.sd_

    def to_record(self) -> Record:
        """Return the twin's weights, the scales, the SCM layer and the measures."""
        weights = {f"twin.{name}": tensor for name, tensor in self.twin_.state_dict().items()}
        return Record(
            tensors={
                **weights,
                **self._scales(),
                "scale": self.scale_,
                "history": self.history_,
            },
            meta={
                "named": list(self.named_),
                "scm": None if self.scm_ is None else cast("Json", self.scm_.to_json()),
                "quality": self.quality_.to_json(),
                "overlap": self.overlap_,
            },
        )

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Restore the fitted space from ``to_record``."""
        self._attach(classifier, cast("list[str]", record.meta["named"]))
        weights = {
            name.removeprefix("twin."): tensor
            for name, tensor in record.tensors.items()
            if name.startswith("twin.")
        }
        twin = new_twin(classifier, self.config)
        twin.load_state_dict(weights)
        self.twin_ = twin.to(classifier.device).eval().requires_grad_(False)
        for name in self._scales():
            setattr(self, f"{name}_", record.tensors[name].to(classifier.device))
        self.scale_ = record.tensors["scale"]
        self.history_ = record.tensors["history"]
        scm = cast("dict[str, Json] | None", record.meta["scm"])
        self.scm_ = None if scm is None else StructuralModel.from_json(scm)
        if self.scm_ is not None:
            self.boolean_ = self.scm_.boolean
        self.quality_ = Quality.from_json(cast("dict[str, Json]", record.meta["quality"]))
        self.overlap_ = cast("float | None", record.meta["overlap"])
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return the twin's measures on test images."""
        measures = self.quality_.summary(self.named_, boolean=bool(self.boolean_))
        return {**measures, "overlap of concepts": self.overlap_}

    def _check_names(self, named: Sequence[str]) -> None:
        if len(named) >= self.config.latents:
            raise CapabilityError(
                f"{len(named)} named concepts need more than {len(named)} latents, and latents is "
                f"{self.config.latents}"
            )
        for name in named:
            if name == PREDICTION or name.startswith(_UNNAMED):
                raise DataError(
                    f"a concept can't be called {name!r}: the names 'prediction' and "
                    f"'{_UNNAMED}...' are taken; rename it in the data set"
                )

    def _attach(self, classifier: Classifier, named: Sequence[str]) -> None:
        self._classifier, self.named_ = classifier, tuple(named)
        self.boolean_ = frozenset[int]()
        nothing = torch.zeros(self.config.latents, device=classifier.device)
        self.mean_, self.sd_ = nothing.clone(), nothing + 1
        self.centre_, self.spread_ = nothing.clone(), nothing + 1
        self.scale_ = torch.ones(len(self.named_))
        self.overlap_ = cast("float | None", None)

    def _scales(self) -> dict[str, Tensor]:
        return {
            "mean": self.mean_, "sd": self.sd_, "centre": self.centre_, "spread": self.spread_,
        }  # fmt: skip

    def _standardise(self, dataset: Dataset) -> Tensor:
        """Set the scales from the training labels, and return the standardised labels."""
        if not self.named_:
            return torch.zeros(len(dataset.train), 0)
        labels = dataset.train.concepts
        assert labels is not None
        named = len(self.named_)
        self.mean_[:named], self.sd_[:named] = labels.mean(dim=0), labels.std(dim=0)
        return self._standardised(dataset.train)

    def _standardised(self, split: Split) -> Tensor:
        if not self.named_ or split.concepts is None:
            return torch.zeros(len(split), len(self.named_))
        named = len(self.named_)
        return ((split.concepts - self.mean_[:named].cpu()) / self.sd_[:named].cpu()).float()

    def _levels(self) -> Tensor:
        """``[k, 2]``, the latents of absence and presence for boolean concepts; NaN for others."""
        levels = torch.full((len(self.named_), 2), torch.nan)
        mean, sd = self.mean_.cpu(), self.sd_.cpu()
        for place in self.boolean_:
            levels[place] = (torch.tensor([0.0, 1.0]) - mean[place]) / sd[place]
        return levels

    def _bytes_of_a_picture(self) -> float:
        latents = torch.zeros(1, self.config.latents, device=self._classifier.device)
        return bytes_at_widest(self.twin_.generate, latents)

    def _independent(
        self, dataset: Dataset, material: Batch, rng: torch.Generator
    ) -> Independent | None:
        """Return the reference images or, without them, weights of the training images."""
        if not self.named_ or self.config.losses == "paper":
            return None
        reference = dataset.reference
        if reference is not None and reference.concepts is not None:
            images = material_of(reference, self._standardised(reference), self._classifier)
            return Independent.of_references(images, len(material))
        weights = independence_weights(material.concepts, rng)
        self.overlap_ = effective_share(weights)
        return Independent.weighted(material, weights)

    def _scale_the_unnamed(self, embeddings: Tensor) -> None:
        with torch.no_grad():
            latents = self.twin_.latents(embeddings.to(self._classifier.device))
        named = len(self.named_)
        self.centre_[named:] = latents[:, named:].mean(dim=0)
        self.spread_[named:] = latents[:, named:].std(dim=0).clamp(min=1e-6)

    def _fit_scm(self, split: Split) -> StructuralModel | None:
        if not self.named_:
            return None
        labels, (required, forbidden) = self.labels(split), self.known
        self.boolean_ = frozenset(
            place for place in range(len(self.named_)) if is_boolean(labels[:, place])
        )
        return StructuralModel.fit(
            labels,
            self.named_,
            links=self.config.links,
            required=required,
            forbidden=forbidden,
            max_parents=self.parents_at_most,
        )
