"""Classifiers whose use of each concept is known, because it was planted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt, field_validator
from torch import Tensor, nn
from torch.nn import functional

from causalxai.capabilities import Capability
from causalxai.classifier import Classifier
from causalxai.concept import Concept
from causalxai.dataset import Dataset, Split, class_index
from causalxai.errors import DataError
from causalxai.image_data.lazy import batches
from causalxai.outline import Outline, concept_index
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.renderer import Renderer
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai_models.lenet import LeNet
from causalxai_models.training import TrainedClassifier, TrainingConfig, train

_LOG = logging.getLogger(__name__)

# The logit of a class without a score. It is above 1, so that no logits are numbers that could as
# well be probabilities or logarithms of these, which classifiers refuse.
_LEVEL = 2.0
_CHECKED = 1000


class Product(PluginConfig):
    """An interaction: the product of two concepts.

    Parameters
    ----------
    between
        The two concepts.
    effect
        What it adds to the score where both are one standard deviation above their mean.
    """

    between: tuple[str, str]
    effect: float

    @field_validator("between")
    @classmethod
    def _are_two(cls, names: tuple[str, str]) -> tuple[str, str]:
        if names[0] == names[1]:
            raise ValueError(f"an interaction is between two concepts, not {names[0]!r} and itself")
        return names


class ConceptTerms(nn.Module):
    """The terms of the formula: each concept, and the products of some pairs.

    Parameters
    ----------
    boolean
        ``[d]``, whether each concept is boolean.
    pairs
        The columns of the two concepts of each product.
    """

    boolean: Tensor

    def __init__(self, boolean: Sequence[bool], pairs: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.register_buffer("boolean", torch.tensor(boolean))
        self.pairs = tuple(pairs)

    def forward(self, readings: Tensor) -> Tensor:
        """Map what is read ``[n, d]`` to the terms ``[n, d + p]``.

        Continuous concepts are read in standard deviations from their mean. What is read of a
        boolean one are the log-odds that it is present; its term is between -1 and 1.
        """
        return self.of_concepts(torch.where(self.boolean, (readings / 2).tanh(), readings))

    def of_concepts(self, standardised: Tensor) -> Tensor:
        """Return the terms ``[..., d + p]`` of standardised concepts ``[..., d]``."""
        products = [standardised[..., i] * standardised[..., j] for i, j in self.pairs]
        return torch.cat([standardised, *(product[..., None] for product in products)], dim=-1)


class PlantedNetwork(nn.Module):
    """A network that reads concepts off an image and combines them by a given formula.

    Parameters
    ----------
    reader
        Reads ``d`` concepts.
    terms
        Makes the terms of the formula of them.
    weights
        ``[K, d + p]``, what each term adds to each logit.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, reader: nn.Module, terms: ConceptTerms, weights: Tensor) -> None:
        super().__init__()
        self.reader, self.terms = reader, terms
        self.formula = nn.Linear(weights.shape[1], len(weights))
        with torch.no_grad():
            self.formula.weight.copy_(weights)
            self.formula.bias.fill_(_LEVEL)
        d = len(terms.boolean)
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("scale", torch.ones(d))

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``[n, c, h, w]`` to logits ``[n, K]``."""
        logits: Tensor = self.formula(self.terms(self.reader(images)))
        return logits

    def standardised(self, concepts: Tensor) -> Tensor:
        """Return concepts ``[..., d]`` in the formula's units: deviations, or -1 and 1."""
        return (concepts - self.mean) / self.scale

    def of_concepts(self, concepts: Tensor) -> Tensor:
        """Return the logits ``[..., K]`` that the formula gives for true concepts ``[..., d]``."""
        logits: Tensor = self.formula(self.terms.of_concepts(self.standardised(concepts)))
        return logits


class PlantedClassifier(TrainedClassifier):
    """A classifier that uses each concept of a drawn data set in a way that is known.

    A LeNet is trained to read the concepts off drawings whose concepts are independent, so that it
    reads each one for itself. A linear layer, which is not trained, combines what was read by the
    formula of the settings: the *score* is added to the logit of one class, and the other logits
    are constant. The true effect of each concept is therefore known, up to the error of the
    reading: ``classifier.model.of_concepts`` gives the logits by the formula. The error is measured
    as R² on drawings of test images with independent concepts. Where a concept that the formula
    uses is not read well enough, there is no classifier.

    A concept that the formula uses although only the label depends on it by chance is a shortcut.
    Without effects and interactions the logits are constant.
    """

    class Config(TrainingConfig):
        """Settings, in addition to those of training.

        Parameters
        ----------
        effects
            For each concept that is used, what one standard deviation of it adds to the score; of a
            boolean concept, half of what its presence adds.
        interactions
            Products of two concepts that are used as well.
        positive
            The class to whose logit the score is added; by default the last one.
        pictures
            The number of drawings from which the reader learns.
        least_r2
            The R² with which each concept that the formula uses has to be read. Boolean concepts
            can be read almost without an error; of continuous ones a trained reader may fail to
            reach the default, and a lower value then says how exact the formula is.
        channels
            The number of filters of the reader's two convolutions.
        hidden
            The number of units of its hidden layer.
        """

        epochs: Annotated[int, Field(ge=0)] = 5
        learning_rate: PositiveFloat = 3e-3
        augment: bool = False
        effects: Mapping[str, float] = Field(default_factory=dict)
        interactions: tuple[Product, ...] = ()
        positive: str | None = None
        pictures: PositiveInt = 30_000
        least_r2: Annotated[float, Field(le=1)] = 0.999
        channels: tuple[PositiveInt, PositiveInt] = (16, 32)
        hidden: PositiveInt = 128

    config: Config
    name: ClassVar[str] = "planted"
    feature_layer: ClassVar[str] = "terms"

    def fit(
        self,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        device: torch.device,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Classifier:
        """Draw pictures, train the reader on them, and plant the formula.

        Raises
        ------
        CapabilityError
            If the data set has not the class or the concepts of the formula.
        DataError
            If the data set has no renderer, the loss is not finite, or a concept of the formula is
            not read as well as ``least_r2`` asks for.
        """
        model = seeded(lambda: self._build(dataset.outline), rng)
        renderer = dataset.renderer
        assert renderer is not None
        concepts = renderer.concepts
        model.terms.boolean.copy_(torch.tensor([concept.is_binary for concept in concepts]))
        lessons = _lessons(renderer, dataset.train, self.config.pictures, rng)
        assert lessons.concepts is not None
        mean, scale = _units(concepts, lessons.concepts)
        model.mean.copy_(mean)
        model.scale.copy_(scale)
        model.to(device)
        train(
            model,
            lessons,
            self.config,
            self._loss,
            label="train planted",
            rng=rng,
            progress=progress,
            checkpoint=checkpoint,
        )
        self._check_reading(model, _lessons(renderer, dataset.test, _CHECKED, rng), concepts)
        return self._classifier(model, dataset.outline, device)

    def _build(self, outline: Outline) -> PlantedNetwork:
        if Capability.RENDERER not in outline.offers:
            raise DataError(
                "the classifier planted learns from drawings, and the data set has no renderer: "
                "choose a data set that is drawn"
            )
        names = outline.concept_names
        pairs = [
            tuple(concept_index(name, names, "classifier.interactions") for name in product.between)
            for product in self._products
        ]
        effects = torch.zeros(len(names) + len(pairs))
        for name, effect in self.config.effects.items():
            effects[concept_index(name, names, "classifier.effects")] = effect
        for place, product in enumerate(self._products, start=len(names)):
            effects[place] = product.effect
        weights = torch.zeros(len(outline.class_names), len(effects))
        positive = self.config.positive or outline.class_names[-1]
        weights[class_index(positive, outline.class_names, "classifier.positive")] = effects
        reader = LeNet(
            outline.image_shape,
            len(names),
            channels=self.config.channels,
            hidden=self.config.hidden,
        )
        terms = ConceptTerms([False] * len(names), [(pair[0], pair[1]) for pair in pairs])
        return PlantedNetwork(reader, terms, weights)

    @property
    def _products(self) -> tuple[Product, ...]:
        return self.config.interactions

    def _loss(self, model: nn.Module, batch: Split) -> Tensor:
        assert isinstance(model, PlantedNetwork)
        assert batch.concepts is not None
        boolean = model.terms.boolean
        read, wanted = model.reader(batch.images[:]), model.standardised(batch.concepts)
        far = functional.mse_loss(read, wanted, reduction="none")
        present = (wanted + 1) / 2
        unlikely = functional.binary_cross_entropy_with_logits(
            read, present.clamp(0, 1), reduction="none"
        )
        return torch.where(boolean, unlikely, far).sum(dim=1).mean()

    @torch.no_grad()
    def _check_reading(
        self, model: PlantedNetwork, drawn: Split, concepts: Sequence[Concept]
    ) -> None:
        """Log how well each concept is read from drawings; DataError if not well enough."""
        model.eval()
        assert drawn.concepts is not None
        true = model.standardised(drawn.concepts.to(model.mean))
        read = [model.reader(images.to(model.mean)) for images in batches(drawn.images)]
        terms = model.terms(torch.cat(read))[:, : true.shape[1]]
        r2 = 1 - (terms - true).square().mean(dim=0) / true.var(dim=0, correction=0)
        by_name = dict(zip((concept.name for concept in concepts), r2.tolist(), strict=True))
        told = ", ".join(f"{name} {value:.4f}" for name, value in by_name.items())
        used = {*self.config.effects, *(name for p in self._products for name in p.between)}
        least = self.config.least_r2
        poor = [name for name in by_name if name in used and not by_name[name] >= least]
        if poor:
            raise DataError(
                f"the classifier planted does not read {', '.join(poor)} well enough for its "
                f"formula (R² on drawings of test images: {told}): raise epochs or pictures, or "
                f"accept less than {least:g} with least_r2"
            )
        _LOG.info("planted: R² of the concepts that are read from drawings: %s", told)


def _units(concepts: Sequence[Concept], values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the deviation of each concept; a boolean one's make -1 and 1 of it."""
    mean, scale = values.mean(dim=0), values.std(dim=0, correction=0)
    for column, concept in enumerate(concepts):
        if concept.is_binary:
            mean[column] = scale[column] = 0.5
    return mean, scale.clamp(min=1e-6)


def _lessons(renderer: Renderer, split: Split, count: int, rng: torch.Generator) -> Split:
    """Draw individuals of a split with concepts that are independent of each other."""
    own = renderer.recognise(split.images[:])
    who = torch.randint(len(own), (count,), generator=rng)
    columns = [column[torch.randint(len(own), (count,), generator=rng)] for column in own.values.T]
    states = torch.stack(columns, dim=1)
    images = renderer.draw(own[who], states[None])[0]
    return Split(images, torch.zeros(count, dtype=torch.int64), states)
