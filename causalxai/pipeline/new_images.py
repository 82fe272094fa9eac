"""Explains further images with the parts of a run, of which none is trained anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causalxai.config import Stage
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.live.images import given_images
from causalxai.pipeline.rendering import cards_of
from causalxai.pipeline.stages import Pipeline
from causalxai.pipeline.targets import target_of
from causalxai.report.page import render_images_page


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


def images_page(
    pipeline: Pipeline, directory: Path, explanation: Explanation, names: Sequence[str]
) -> str:
    """Return an HTML page on images that a run explained.

    Parameters
    ----------
    pipeline, directory
        Those of the run.
    explanation
        Of the images.
    names
        What the images are called.
    """
    part, oracle = pipeline.spec.oracle, pipeline.oracle
    known = None if part is None or oracle is None else (part.provenance, oracle)
    cards = cards_of(explanation, pipeline.classifier, known, pipeline.watch, names)
    return render_images_page(pipeline.spec, cards, str(directory))
