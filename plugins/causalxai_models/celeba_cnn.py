"""The convolutional network for faces: six convolutions and two linear layers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn
from torch.nn import functional

from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.outline import Outline
from causalxai_models.training import TrainedClassifier, TrainingConfig, split_named

_SMALLEST = 8
_NO_CONCEPTS = "attributes: true needs a data set whose concepts are known"
# Pooling follows these convolutions, as many of them as leave a map of about 4 x 4.
_POOLED_AFTER = (6, 4, 2, 1, 3, 5)
_LEFT = 4


class CelebACnn(nn.Module):
    """Six convolutions of 3 x 3, each with a ReLU, and two linear layers, after [1]_.

    Convolutions come in three pairs; each pair has twice the filters of the one before. Images of
    32 pixels are pooled after each pair and larger ones more often, so that the last map is about 4
    x 4. All parts are modules: ``conv1`` to ``conv6``, ``fc1``, ``fc2``.

    Parameters
    ----------
    image_shape
        Channels, height and width of the images; at least 8 x 8 pixels.
    classes
        The number of logits.
    width
        The number of filters of ``conv1``.
    hidden
        The number of units of ``fc1``.
    dropout
        The share of units of ``fc1`` that are dropped in training.
    attributes
        The number of attributes that a second linear head reads from the units of ``fc1``.

    Raises
    ------
    DataError
        If the images are too small.

    References
    ----------
    .. [1] Gat, Lorberbom, Schwartz, Hazan, "Latent space explanation by intervention", AAAI 2022;
       the layers are the paper's, their sizes are ours.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        width: int = 16,
        hidden: int = 128,
        dropout: float = 0.0,
        attributes: int = 0,
    ) -> None:
        super().__init__()
        channels, *sides = image_shape
        if min(sides) < _SMALLEST:
            raise DataError(
                f"celeba-cnn needs images of {_SMALLEST} x {_SMALLEST} pixels or more, not "
                f"{sides[0]} x {sides[1]}"
            )
        wanted = math.floor(math.log2(min(sides) / _LEFT))
        pooled = _POOLED_AFTER[: max(wanted, 1)]
        for number in range(1, 7):
            filters = width * 2 ** ((number - 1) // 2)
            self.add_module(f"conv{number}", nn.Conv2d(channels, filters, 3, padding=1))
            self.add_module(f"relu{number}", nn.ReLU())
            if number in pooled:
                self.add_module(f"pool{number}", nn.MaxPool2d(2))
            channels = filters
        self._convolutions = [name for name, _ in self.named_children()]
        left = math.prod(side // 2 ** len(pooled) for side in sides)
        self.fc1 = nn.Linear(channels * left, hidden)
        self.relu7 = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(hidden, classes)
        self.attributes = nn.Linear(hidden, attributes) if attributes else None
        for layer in self.modules():
            # With PyTorch's default initialisation the signal vanishes over six layers, and
            # training does not start.
            if isinstance(layer, nn.Conv2d) or layer is self.fc1:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map ``[n, c, h, w]`` to logits ``[n, classes]``."""
        logits: Tensor = self.fc2(self.embed(images))
        return logits

    def embed(self, images: Tensor) -> Tensor:
        """Return ``[n, hidden]``, the input of the linear heads."""
        x = 2 * images - 1
        for name in self._convolutions:
            x = self.get_submodule(name)(x)
        embedding: Tensor = self.dropout(self.relu7(self.fc1(x.flatten(1))))
        return embedding

    def attribute_logits(self, images: Tensor) -> Tensor:
        """Return ``[n, m]``, the log-odds of the attributes, positive if presence is likelier.

        Raises
        ------
        CapabilityError
            If the network was built without attributes.
        """
        return self.of_attributes(self.embed(images))

    def of_attributes(self, embedding: Tensor) -> Tensor:
        """Return the attributes' log-odds ``[n, m]`` for embeddings ``[n, hidden]``.

        Raises
        ------
        CapabilityError
            If the network was built without attributes.
        """
        if self.attributes is None:
            raise CapabilityError(
                "this celeba-cnn has no head for attributes; train it with `attributes: true`"
            )
        logits: Tensor = self.attributes(embedding)
        return logits


class CelebACnnClassifier(TrainedClassifier):
    """A network for faces, trained on the data set and optionally on its concepts as well."""

    class Config(TrainingConfig):
        """Settings, in addition to those of training.

        Parameters
        ----------
        width
            The number of filters of ``conv1``.
        hidden
            The number of units of ``fc1``.
        dropout
            The share of these units that are dropped in training.
        attributes
            Train a second linear head on the same units to predict the data set's concepts, which
            must be 0 or 1: their binary cross entropies are added to the loss of the task. Both are
            learned well in about twice the epochs.
        """

        epochs: Annotated[int, Field(ge=0)] = 4
        learning_rate: PositiveFloat = 3e-3
        augment: bool = False
        width: int = Field(16, ge=1, le=512)
        hidden: int = Field(128, ge=1, le=8192)
        dropout: float = Field(0.0, ge=0, lt=1)
        attributes: bool = False

    config: Config
    name: ClassVar[str] = "celeba-cnn"
    feature_layer: ClassVar[str] = "fc1"

    def _build(self, outline: Outline) -> CelebACnn:
        return CelebACnn(
            outline.image_shape,
            len(outline.class_names),
            width=self.config.width,
            hidden=self.config.hidden,
            dropout=self.config.dropout,
            attributes=self._count_attributes(outline),
        )

    def _count_attributes(self, outline: Outline) -> int:
        if self.config.attributes and not outline.concept_names:
            raise DataError(_NO_CONCEPTS)
        return len(outline.concept_names) if self.config.attributes else 0

    def _check(self, dataset: Dataset) -> None:
        concepts = split_named(self.config.train_on, dataset).concepts
        if not self.config.attributes:
            return
        if concepts is None:
            raise DataError(_NO_CONCEPTS)
        odd = ((concepts != 0) & (concepts != 1)).any(dim=0)
        if bool(odd.any()):
            name = dataset.concept_names[int(odd.nonzero()[0])]
            raise DataError(f"attributes: true needs concepts that are 0 or 1; {name!r} is not")

    def _loss(self, model: nn.Module, batch: Split) -> Tensor:
        # In this memory layout, colour images take two thirds of the time on a CPU.
        images = batch.images[:].contiguous(memory_format=torch.channels_last)
        batch = replace(batch, images=images)
        if not self.config.attributes:
            return super()._loss(model, batch)
        assert isinstance(model, CelebACnn)
        assert batch.concepts is not None
        embedding = model.embed(batch.images[:])
        task = functional.cross_entropy(model.fc2(embedding), batch.labels)
        read = model.of_attributes(embedding)
        each = functional.binary_cross_entropy_with_logits(
            read, batch.concepts.to(read), reduction="none"
        )
        return task + each.sum(dim=1).mean()
