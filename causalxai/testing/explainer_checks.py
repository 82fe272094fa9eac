"""What every explainer promises."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from causalxai.explainer import Explainer, Explanation
from causalxai.metric import ScoringInputs
from causalxai.testing.bench import (
    Bench,
    check,
    report_builders,
    require_declared_needs,
    require_sections,
    stored,
)


@check
def explanation_has_the_promised_form(bench: Bench[Explainer]) -> None:
    """Require importances ``[n, d]`` and maps ``[n, h, w]``, finite, for one image or many."""
    for images in (bench.images, bench.images[:1]):
        explanation = _explained(bench, images)
        claims = {f"map {name!r}": tensor for name, tensor in explanation.maps.items()}
        shapes = dict.fromkeys(claims, (len(images), *images.shape[2:]))
        if explanation.importance is not None:
            claims["importance"] = explanation.importance
            shapes["importance"] = (len(images), len(explanation.concepts))
        bench.require(bool(claims), "it explains nothing: neither importance nor a map")
        for name, tensor in claims.items():
            shape = f"{list(shapes[name])}, not {list(tensor.shape)}"
            bench.require(tuple(tensor.shape) == shapes[name], f"{name} is {shape}")
            bench.require(tensor.is_floating_point(), f"{name} is {tensor.dtype}, not floats")
            bench.require(bool(torch.isfinite(tensor).all()), f"{name} is not finite")
            bench.require(not tensor.requires_grad, f"{name} drags a gradient along")
        unique = len(set(explanation.concepts)) == len(explanation.concepts)
        bench.require(unique, "two concepts of the explanation share a name")


@check
def what_ifs_can_be_shown(bench: Bench[Explainer]) -> None:
    """Require what-ifs of known concepts, with pictures in [0, 1], free of gradients."""
    explanation, space = _explained(bench), bench.inputs.space
    known = {*explanation.concepts, *(() if space is None else space.names())}
    for what_if in explanation.what_ifs:
        who = f"the what-if {what_if.words!r}"
        for change in what_if.changes:
            bench.require(change.concept in known, f"{who} changes {change.concept!r}: no concept")
        for tensor in (what_if.logits, what_if.image):
            if tensor is not None:
                bench.require(not tensor.requires_grad, f"{who} drags a gradient along")
        if what_if.image is not None:
            low, high = float(what_if.image.min()), float(what_if.image.max())
            bench.require(low >= 0 and high <= 1, f"{who} has pixels in [{low:.2g}, {high:.2g}]")


@check
def explanation_keeps_what_the_space_reads(bench: Bench[Explainer]) -> None:
    """Require the images' units, so that nobody has to read them again."""
    explanation, space = _explained(bench), bench.inputs.space
    if space is not None and explanation.units is not None:
        found, expected = explanation.units, space.encode(bench.images)
        complaint = "its units are not what the space reads in the images"
        bench.require_same(found.values.cpu(), expected.values.cpu(), complaint)


@check
def explanation_is_of_what_was_asked(bench: Bench[Explainer]) -> None:
    """Require the explanation to tell which images and classes it is of."""
    explanation, target = _explained(bench), _target(bench)
    bench.require_same(explanation.images, bench.images, "the explanation has other inputs")
    bench.require_same(explanation.target, target, "the explanation has another target")


@check
def one_class_serves_all_images(bench: Bench[Explainer]) -> None:
    """Require a target that is a number to mean that class for each image."""
    every = torch.full((len(bench.images),), 1)
    one = _explained(bench, target=1).to_record()
    complaint = "one class for all images, and the same class for each"
    bench.require_same_record(one, _explained(bench, target=every).to_record(), complaint)


@check
def same_rng_gives_the_same_explanation(bench: Bench[Explainer]) -> None:
    """Require that all chance comes from the stage's generator."""
    one, other = _explained(bench).to_record(), _explained(bench).to_record()
    bench.require_same_record(other, one, "explained twice with one seed")


@check
def explanation_survives_storage(bench: Bench[Explainer]) -> None:
    """Require that the explanation, details and meta included, comes back from a record."""
    record = _explained(bench).to_record()
    back = Explanation.from_record(stored(record)).to_record()
    bench.require_same_record(back, record, "stored and brought back")


@check
def explaining_leaves_its_inputs_alone(bench: Bench[Explainer]) -> None:
    """Require images, target, classifier and data set as before; no hook, no gradient stays."""
    target = _target(bench)
    with bench.untouched("explain"), bench.unchanged("explain", {"the target": target}):
        _explained(bench, target=target)


@check
def explanation_needs_what_it_requires(bench: Bench[Explainer]) -> None:
    """Require that a run without what ``requires`` names is refused, and any other borne."""

    def explain(inputs: ScoringInputs) -> object:
        return bench.fresh().explain(bench.images, _target(bench), inputs)

    require_declared_needs(bench, bench.plugin.requires, explain)


@check
def explanation_sections_can_be_shown(bench: Bench[Explainer]) -> None:
    """Require that an explanation which was stored can be shown in the report."""
    explanation = Explanation.from_record(stored(_explained(bench).to_record()))
    inputs = replace(bench.report_inputs(), explanation=explanation)
    for build in report_builders(bench, "explainers"):
        require_sections(bench, build(bench.fresh(), explanation, inputs))


def _target(bench: Bench[Explainer]) -> Tensor:
    return bench.inputs.classifier.predict(bench.images).cpu()


def _explained(
    bench: Bench[Explainer], images: Tensor | None = None, target: Tensor | int | None = None
) -> Explanation:
    images = bench.images if images is None else images
    classes = _target(bench)[: len(images)] if target is None else target
    return bench.fresh().explain(images, classes, bench.seeded())


EXPLAINER_CHECKS = (
    explanation_has_the_promised_form,
    what_ifs_can_be_shown,
    explanation_keeps_what_the_space_reads,
    explanation_is_of_what_was_asked,
    one_class_serves_all_images,
    same_rng_gives_the_same_explanation,
    explanation_survives_storage,
    explaining_leaves_its_inputs_alone,
    explanation_needs_what_it_requires,
    explanation_sections_can_be_shown,
)
