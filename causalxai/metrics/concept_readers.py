"""Readers: models that read the concepts of a data set from any picture."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_SIDE = 16
_MOST_IMAGES = 2000
_REGULARISATION = 0.1
_LEAST_R2 = 0.5
_HALF = 0.5


@dataclass(frozen=True)
class ConceptReaders:
    """One reader for each concept that can be read from images.

    They are kernel ridge regressions on an image of 16 x 16 pixels and on the input of the
    classifier's last layer, where the network has a linear one. They know nothing of the oracle
    whose pictures they read.

    Parameters
    ----------
    names
        The concepts that are read.
    r2
        For each of them, R² on the test images, .5 or more.
    unread
        The concepts that cannot be read that well.
    """

    names: tuple[str, ...]
    r2: tuple[float, ...]
    unread: tuple[str, ...]
    _classifier: Classifier
    _model: Pipeline
    _columns: tuple[int, ...]
    _boolean: tuple[bool, ...]

    @classmethod
    def train(
        cls, classifier: Classifier, dataset: Dataset, rng: torch.Generator
    ) -> ConceptReaders:
        """Train readers on reference images, whose concepts are independent, or training images.

        Raises
        ------
        CapabilityError
            If the images have no measured concepts.
        """
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.kernel_ridge import KernelRidge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        lessons, test = dataset.reference or dataset.train, dataset.test
        if lessons.concepts is None or test.concepts is None or not dataset.concept_names:
            raise CapabilityError("the data set has no measured concepts, so that none can be read")
        learned, known = _drawn(lessons, rng), _drawn(test, rng)
        x, y = _seen(classifier, learned.images[:]), _values(learned)
        ridge = KernelRidge(alpha=_REGULARISATION, kernel="rbf")
        scaled = TransformedTargetRegressor(ridge, transformer=StandardScaler())
        model = make_pipeline(StandardScaler(), scaled).fit(x, y)
        boolean = tuple(bool(np.isin(column, (0.0, 1.0)).all()) for column in y.T)
        read = _predicted(model, _seen(classifier, known.images[:]))
        r2 = _determined(read, _values(known))
        kept = [column for column, score in enumerate(r2) if score >= _LEAST_R2]
        names = dataset.concept_names
        return cls(
            names=tuple(names[column] for column in kept),
            r2=tuple(r2[column] for column in kept),
            unread=tuple(name for column, name in enumerate(names) if column not in kept),
            _classifier=classifier,
            _model=model,
            _columns=tuple(kept),
            _boolean=tuple(boolean[column] for column in kept),
        )

    def read(self, images: Tensor) -> Tensor:
        """Return the concepts of images ``[n, c, h, w]``, ``[n, m]`` in the order of ``names``."""
        found = _predicted(self._model, _seen(self._classifier, images))
        values = torch.from_numpy(found[:, list(self._columns)])
        boolean = torch.tensor(self._boolean)
        return torch.where(boolean, (values > _HALF).double(), values)


def _drawn(split: Split, rng: torch.Generator) -> Split:
    return split[torch.randperm(len(split), generator=rng)[:_MOST_IMAGES]]


def _values(split: Split) -> NDArray[np.float64]:
    assert split.concepts is not None
    values: NDArray[np.float64] = split.concepts.double().numpy()
    return values


def _seen(classifier: Classifier, images: Tensor) -> NDArray[np.float64]:
    """Return what readers see of images, ``[n, l]``."""
    side = (min(_SIDE, images.shape[2]), min(_SIDE, images.shape[3]))
    seen = [functional.adaptive_avg_pool2d(images.cpu().float(), side).flatten(1)]
    with suppress(CapabilityError):  # of networks without a linear last layer
        seen.append(classifier.embed(images).flatten(1).cpu())
    array: NDArray[np.float64] = torch.cat(seen, dim=1).double().numpy()
    return array


def _predicted(model: Pipeline, seen: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = model.predict(seen).reshape(len(seen), -1)
    return values


def _determined(read: NDArray[np.float64], true: NDArray[np.float64]) -> Sequence[float]:
    """Return R² of each concept; that of one that does not vary is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = 1 - ((read - true) ** 2).mean(axis=0) / true.var(axis=0)
    return [float(score) if np.isfinite(score) else float("-inf") for score in scores]
