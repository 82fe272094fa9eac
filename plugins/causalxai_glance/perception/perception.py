"""Perception: readings of the concepts from the classifier's own features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.columns import require_float32
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.lazy import concatenated
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator
from causalxai_glance.perception.features import ChannelStatistics
from causalxai_glance.perception.measurement_model import MeasurementModel, Values, others_alone
from causalxai_glance.perception.readout import ReadOut, ReadOutConfig


class PerceptionConfig(PluginConfig):
    """Settings of how concepts are read from a classifier.

    Parameters
    ----------
    pooled
        Also read the mean of each channel in this number of parts across and down, for spatial
        concepts; 0 reads only whole channels.
    images
        The largest number of the data set's images that are read.
    labels
        The targets of the read-out on reference images: the values that were ``set``, where these
        are known, or the values ``measured`` on the images, in which one concept can influence the
        measurement of another.
    readout
        How the read-out is learned.
    """

    pooled: NonNegativeInt = 4
    images: PositiveInt = 5000
    labels: Literal["set", "measured"] = "set"
    readout: ReadOutConfig = ReadOutConfig()


@dataclass(frozen=True)
class Perception:
    """Readings of the concepts from a classifier, with their measurement-error model.

    Parameters
    ----------
    names
        ``m`` concepts.
    values
        ``[n, m]``, the unmixed readings of the data set's images.
    references
        ``[r, m]``, those of the reference images, each by a network that was not trained on it.
    measurement_model
        Calibrated on the reference images.
    agreement
        ``[m]``, the squared correlation of ``values`` with the images' labels. High where a concept
        is read well *or* is correlated with others that are.
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
        """Return the reference images' readings in place of the data set's: no edge is true."""
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
    """Learn to read the concepts on reference images, and read the data set's images.

    Parameters
    ----------
    classifier
        The classifier, whose last layer is linear.
    dataset
        The data set whose images are read; ``concept_names`` are the concepts.
    rng
        The source of all random draws.
    config
        Settings; by default those of the class.
    reference
        Images whose concepts are independent, in place of ``dataset.reference``. Their ``groups``
        count the data set's training images, then its test images, where it has no groups itself.
    blind
        Shuffle the features among images, as a control in which nothing can be read.
    progress
        Shows the progress.

    Raises
    ------
    CapabilityError
        If there are no reference images, or their concepts or those of the data set are unknown.
    """
    config = PerceptionConfig() if config is None else config
    known = dataset.reference if reference is None else reference
    if known is None:
        raise CapabilityError(
            "without reference images, whose concepts are independent, it cannot be determined "
            "what a read-out reads: give the data set some (morpho: `references: 10000`)"
        )
    observed = observations(dataset)
    observed = observed[torch.randperm(len(observed), generator=rng)[: config.images]]
    look = ChannelStatistics(classifier, config.pooled)
    with progress.task("compute features of the images", 2) as advance:
        at_reference, at_observed = look(known.images), look(observed.images)
        advance(2)
    if blind:
        at_reference, at_observed = _shuffled(at_reference, rng), _shuffled(at_observed, rng)
    truth = _labels(known, dataset.concept_names, config.labels)
    # Negative numbers stand for individuals that are not among the images that are read.
    groups = -1 - torch.arange(len(known)) if known.groups is None else known.groups
    readout = ReadOut(config.readout).fit(at_reference, truth, groups, rng=rng, progress=progress)
    measurement_model = MeasurementModel.fit(_array(truth), _array(readout.out_of_fold_))
    values = measurement_model.unmix(_array(readout.read(at_observed, observed.groups)))
    labels = _array(_labels(observed, dataset.concept_names, config.labels))
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
    """Return the training and the test images as one split, with a number for every individual.

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
        concatenated([part.images for part in parts]),
        torch.cat([part.labels for part in parts]),
        concepts,
        joined([part.set_concepts for part in parts]),
        torch.cat(groups),
    )


def _labels(split: Split, names: Sequence[str], kind: Literal["set", "measured"]) -> Tensor:
    values = split.concepts
    if kind == "set" and split.set_concepts is not None:
        values = split.set_concepts
    if values is None:
        raise CapabilityError("the concepts of the reference images are unknown")
    if not bool(torch.isfinite(values).all()):
        raise DataError("some of the images' concepts are not finite numbers")
    require_float32(_array(values), names)
    return values.float()


def _array(values: Tensor) -> Values:
    return np.asarray(values.cpu().double().numpy(), dtype=np.float64)


def _squared_correlation(values: Values, labels: Values) -> Values:
    """Return R² of a linear fit to each pair of columns, and 0 where one is constant."""
    a, b = values - values.mean(axis=0), labels - labels.mean(axis=0)
    size = (a**2).sum(axis=0) * (b**2).sum(axis=0)
    product = (a * b).sum(axis=0) ** 2
    return np.asarray(product / np.where(size > 0, size, np.inf), dtype=np.float64)
