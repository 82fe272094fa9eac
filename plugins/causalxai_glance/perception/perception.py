"""Perception: the concepts as the classifier's own features tell them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator
from causalxai_glance.perception.features import ChannelStatistics
from causalxai_glance.perception.measurement_model import MeasurementModel, Values, others_alone
from causalxai_glance.perception.readout import ReadOut, ReadOutConfig


class PerceptionConfig(PluginConfig):
    """How concepts are read from a classifier.

    Parameters
    ----------
    pooled
        Read each channel also in so many parts across and down, for concepts that are spatial;
        0 reads channels as a whole alone.
    images
        How many of the data set's images are read, at most.
    labels
        What the read-out learns to say of reference images: the values that they were ``set`` to
        have, where these are known, or the ones ``measured`` on them, into which one concept's
        picture of another enters.
    readout
        How the read-out is learned.
    """

    pooled: NonNegativeInt = 4
    images: PositiveInt = 5000
    labels: Literal["set", "measured"] = "set"
    readout: ReadOutConfig = ReadOutConfig()


@dataclass(frozen=True)
class Perception:
    """What a classifier perceives of the concepts, and the instrument that read it.

    Parameters
    ----------
    names
        ``m`` concepts.
    values
        ``[n, m]``, the readings of the data set's images, unmixed.
    references
        ``[r, m]``, those of the reference images, each by a network that has not seen it.
    instrument
        Calibrated on the reference images.
    agreement
        ``[m]``, the squared correlation of ``values`` with the images' labels. High where a
        concept is read well *or* goes together with others that are.
    others
        ``[m]``, R² of each concept's labels given the others' labels, without any image.
    """

    names: tuple[str, ...]
    values: Values
    references: Values
    measurement_model: MeasurementModel
    agreement: Values
    others: Values

    def control(self) -> Perception:
        """Return the same with as many reference images as values: no edge is true."""
        return replace(self, values=self.references[: len(self.values)])

    def __getitem__(self, rows: NDArray[np.int64]) -> Perception:
        return replace(self, values=self.values[rows])


def perceive(
    classifier: Classifier,
    dataset: Dataset,
    *,
    rng: torch.Generator,
    config: PerceptionConfig | None = None,
    reference: Split | None = None,
    blind: bool = False,
    progress: Progress = SILENT,
) -> Perception:
    """Learn to read the concepts from the classifier on reference images, and read them.

    Parameters
    ----------
    classifier
        Whose last layer is linear.
    dataset
        Whose images are read; ``concept_names`` say which concepts.
    rng
        Draws everything.
    config
        How; the defaults, unless given.
    reference
        Images whose concepts are independent, in place of ``dataset.reference``. Their ``groups``
        count the data set's training images, then its test images, where it has no groups itself.
    blind
        Shuffle the features among images: a control, which must not find anything.
    progress
        Shows how far it has come.

    Raises
    ------
    CapabilityError
        If there are no reference images, or their concepts or those of the data set are unknown.
    """
    config = PerceptionConfig() if config is None else config
    known = dataset.reference if reference is None else reference
    if known is None:
        raise CapabilityError(
            "without reference images, whose concepts are independent, there is no telling what a "
            "read-out reads: give the data set some (morpho: `references: 10000`)"
        )
    observed = observations(dataset)
    observed = observed[torch.randperm(len(observed), generator=rng)[: config.images]]
    look = ChannelStatistics(classifier, config.pooled)
    with progress.task("look at the images", 2) as advance:
        at_reference, at_observed = look(known.images), look(observed.images)
        advance(2)
    if blind:
        at_reference, at_observed = _shuffled(at_reference, rng), _shuffled(at_observed, rng)
    truth = _labels(known, config.labels)
    # Numbers below zero are nobody's among the images that are read.
    groups = -1 - torch.arange(len(known)) if known.groups is None else known.groups
    readout = ReadOut(config.readout).fit(at_reference, truth, groups, rng=rng, progress=progress)
    measurement_model = MeasurementModel.fit(_array(truth), _array(readout.out_of_fold_))
    values = measurement_model.unmix(_array(readout.read(at_observed, observed.groups)))
    labels = _array(_labels(observed, config.labels))
    return Perception(
        dataset.concept_names,
        values,
        measurement_model.unmix(_array(readout.out_of_fold_)),
        measurement_model,
        _squared_correlation(values, labels),
        others_alone(labels, numpy_generator(rng)),
    )


def _shuffled(features: Tensor, rng: torch.Generator) -> Tensor:
    return features[torch.randperm(len(features), generator=rng)]


def observations(dataset: Dataset) -> Split:
    """Return the training and the test images as one, every individual with its number.

    Raises
    ------
    CapabilityError
        If the concepts of either are unknown.
    """
    parts = (dataset.train, dataset.test)
    start = 0
    groups = []
    for part in parts:
        own = torch.arange(start, start + len(part)) if part.groups is None else part.groups
        groups.append(own)
        start += len(part)

    def joined(tensors: list[Tensor | None]) -> Tensor | None:
        there = [tensor for tensor in tensors if tensor is not None]
        return torch.cat(there) if len(there) == len(tensors) else None

    concepts = joined([part.concepts for part in parts])
    if concepts is None:
        raise CapabilityError("the data set's concepts are unknown for some of its images")
    return Split(
        torch.cat([part.images for part in parts]),
        torch.cat([part.labels for part in parts]),
        concepts,
        joined([part.set_concepts for part in parts]),
        torch.cat(groups),
    )


def _labels(split: Split, kind: Literal["set", "measured"]) -> Tensor:
    values = split.concepts
    if kind == "set" and split.set_concepts is not None:
        values = split.set_concepts
    if values is None:
        raise CapabilityError("the concepts of the reference images are unknown")
    if not bool(torch.isfinite(values).all()):
        raise DataError("some of the images' concepts are not finite numbers")
    return values.float()


def _array(values: Tensor) -> Values:
    return np.asarray(values.cpu().double().numpy(), dtype=np.float64)


def _squared_correlation(values: Values, labels: Values) -> Values:
    """R² of the best straight line through each pair of columns; 0 where one is constant."""
    a, b = values - values.mean(axis=0), labels - labels.mean(axis=0)
    size = (a**2).sum(axis=0) * (b**2).sum(axis=0)
    product = (a * b).sum(axis=0) ** 2
    return np.asarray(product / np.where(size > 0, size, np.inf), dtype=np.float64)
