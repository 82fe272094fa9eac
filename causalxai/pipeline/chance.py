"""Whether a classifier that was loaded is any better than chance on the data set's images."""

from __future__ import annotations

import scipy
import torch

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.network.adaptation import name_of

_TRIED = 200
"""The largest number of images that are classified."""
_SIGNIFICANT = 0.05


def no_better_than_chance(classifier: Classifier, dataset: Dataset) -> str:
    """Return a warning if the predictions for test images may as well be independent of the labels.

    Chance is the accuracy of predictions that are as frequent as the classifier's, but independent
    of the labels, or one by the number of classes if that is more; a classifier that always
    predicts the same class is therefore at chance. A one-sided binomial test tells the accuracy
    from it.

    Parameters
    ----------
    classifier
        The classifier.
    dataset
        The data set, of whose test images at most 200 are classified, evenly spaced.

    Returns
    -------
    str
        Empty if the classifier is better than chance, or if there are too few images to tell.
    """
    test = dataset.test
    if not len(test):
        return ""
    some = test[evenly_spaced_rows(len(test), _TRIED)]
    count = len(some)
    labels, predicted = some.labels.cpu(), classifier.predict(some.images).cpu()
    classes = len(classifier.class_names)
    shares = [torch.bincount(each, minlength=classes) / count for each in (labels, predicted)]
    chance = min(max(float((shares[0] * shares[1]).sum()), 1 / classes), 1.0)
    right = int((labels == predicted).sum())
    if _chance_of(count, count, chance) > _SIGNIFICANT:
        return ""
    p = _chance_of(right, count, chance)
    if p <= _SIGNIFICANT:
        return ""
    return (
        f"{name_of(classifier.model)} is right for {right} of {count} test images "
        f"({right / count:.1%}), no better than chance ({chance:.1%}; one-sided binomial test, "
        f"p = {p:.2f}): is the normalisation right (mean, std, scale or preprocess), are the "
        "class names in the order of the outputs (classes), and are these the trained weights?"
    )


def _chance_of(right: int, count: int, chance: float) -> float:
    return float(scipy.stats.binomtest(right, count, chance, alternative="greater").pvalue)
