"""Explains further images with the parts of a run, of which none is trained anew."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.config import Stage
from causalxai.dataset import class_index
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.live.images import given_images
from causalxai.pipeline.stages import Pipeline


def explain_images(pipeline: Pipeline, images: object, target: object) -> Explanation:
    """Return the explanation of images of the caller's own, as ``Run.explain`` does."""
    explainer = pipeline.explainer
    if explainer is None:
        raise CapabilityError("this run explains nothing: its spec has no 'explain'")
    given = given_images(images)
    given.check(pipeline.dataset)
    classes = target_of(target, given.need(), pipeline.classifier)
    inputs = pipeline.explanation_inputs(Stage.EXPLAIN)
    return pipeline.watch.call(
        pipeline.plugins[Stage.EXPLAIN].provenance,
        Stage.EXPLAIN,
        Explanation,
        lambda: explainer.explain(given.need(), classes, inputs),
    )


def target_of(target: object, images: Tensor, classifier: Classifier) -> Tensor:
    """Return the class that is explained for each image, ``[n]``.

    Parameters
    ----------
    target
        A class's index or name, an index for each image, or ``None`` for the predicted classes.
    images
        ``[n, c, h, w]``.
    classifier
        The classifier.

    Raises
    ------
    CapabilityError
        If there is no such class, or there is not one for each image.
    """
    names = classifier.class_names
    if target is None:
        return classifier.predict(images).cpu()
    if isinstance(target, str):
        target = class_index(target, names, "target")
    found = torch.as_tensor(target).cpu()
    if found.is_floating_point() or found.shape not in ((), (len(images),)):
        raise CapabilityError(
            f"target: should be a class's index or name, or {len(images)} indices, not {target!r}"
        )
    if int(found.min()) < 0 or int(found.max()) >= len(names):
        raise CapabilityError(f"target: should be from 0 to {len(names) - 1}, not {target!r}")
    return found.long().expand(len(images)).clone()
