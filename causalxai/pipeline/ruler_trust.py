"""The report's section on how far an oracle's pictures can be trusted, by a data set's ruler."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.metric import Estimate, MetricResult, ScoringInputs
from causalxai.metrics.effectiveness import Effectiveness
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Section, Table

_IMAGES = 24
# Single concepts of more are not told apart by the metric.
_CONCEPTS = 8
_LISTED = 3
_FAR = 0.5
_OWN = "own effect: "


def ruler_section(inputs: ReportInputs) -> Section | None:
    """Measure by the ruler of the data set's renderer what do() does to an oracle's pictures.

    It takes a few test images, on which the metric ``effectiveness`` is computed.

    Parameters
    ----------
    inputs
        Of the report. The generator draws the images, and the values that concepts are set to.

    Returns
    -------
    Section or None
        ``None`` if there is no ruler, or no oracle with pictures of a concept that the ruler knows,
        or if the oracle is the renderer itself.
    """
    oracle, renderer = inputs.oracle, inputs.dataset.renderer
    if oracle is None or renderer is None or isinstance(oracle, RendererOracle):
        return None
    known = {concept.name for concept in renderer.concepts} & set(oracle.space.names())
    if Capability.IMAGES not in oracle.capabilities or not known:
        return None
    test = inputs.dataset.test
    rows = torch.randperm(len(test), generator=inputs.rng)[:_IMAGES]
    some = Explanation(test.images[rows], torch.zeros(len(rows), dtype=torch.int64))
    asked = ScoringInputs(
        classifier=inputs.classifier,
        dataset=inputs.dataset,
        rng=inputs.rng,
        space=inputs.space,
        oracle=oracle,
    )
    found = Effectiveness(images=_IMAGES, concepts=_CONCEPTS).compute(some, asked)
    effects = _of_concepts(found, _OWN)
    if found.status != "ok" or not effects:
        return None
    return Section(
        "What do() does to the pictures, by the ruler",
        [_table(found, effects)],
        trust=_sentence(found, effects, len(rows)),
        doubt=_doubt(effects),
    )


def _of_concepts(found: MetricResult, prefix: str) -> dict[str, Estimate]:
    """Return the parts of a result that are about single concepts, by the concept."""
    return {
        name.removeprefix(prefix): part
        for name, part in found.parts.items()
        if name.startswith(prefix)
    }


def _sentence(found: MetricResult, effects: Mapping[str, Estimate], images: int) -> str:
    """Say how much of its own concept do() moves, and how much of others it moves at most."""
    ordered = sorted(effects, key=lambda name: effects[name].value)
    if len(ordered) <= _LISTED:
        told = ", ".join(f"{name} by {effects[name].value:.2f}" for name in effects)
        text = f"do() moves {told} times what it should"
    else:
        worst, best = ordered[0], ordered[-1]
        text = (
            f"do() moves each of {len(ordered)} concepts by {effects[worst].value:.2f} ({worst}) "
            f"to {effects[best].value:.2f} ({best}) times what it should"
        )
    start = (
        f"How far the generator can be trusted, by the data set's ruler on pictures of {images} "
        f"test images: {text}"
    )
    leaks = _of_concepts(found, "leakage of ")
    if not leaks:
        return f"{start}."
    most = max(leaks, key=lambda name: leaks[name].value)
    return (
        f"{start}, and concepts that should be held by up to {leaks[most].value:.2f} standard "
        f"deviations (when {most} is set)."
    )


def _doubt(effects: Mapping[str, Estimate]) -> str:
    """Say of which concepts do() is seen far too little or too much; empty if of none."""
    wrong = [name for name, effect in effects.items() if abs(effect.value - 1) > _FAR]
    if not wrong:
        return ""
    which = "this concept" if len(wrong) == 1 else "these concepts"
    return (
        f"By the ruler, the pictures show less than half, or more than one and a half times, of "
        f"what do() asks of {', '.join(wrong)}: do not believe what-ifs about {which}."
    )


def _table(found: MetricResult, effects: Mapping[str, Estimate]) -> Table:
    rows = []
    obeyed = _of_concepts(found, "R²: ") | _of_concepts(found, "flips obeyed: ")
    leaks = _of_concepts(found, "leakage of ")
    for name, effect in effects.items():
        cells = (effect, obeyed.get(name), leaks.get(name))
        rows.append((name, *(_in_words(one) for one in cells)))
    return Table(
        ("concept", "own effect", "R² or flips seen", "leakage"),
        tuple(rows),
        "The metric effectiveness on a few test images, with 95 % intervals. Each concept is set "
        "to its value in another image, and the ruler of the data set's renderer, which knows "
        "nothing of the generator, measures all concepts on the pictures. Own effect: how much of "
        "the change is seen (ideally 1). R² of the values that were set, or for boolean concepts "
        "the share of flips that are seen. Leakage: by how many standard deviations other concepts "
        "move that are held (ideally 0).",
    )


def _in_words(one: Estimate | None) -> str:
    if one is None:
        return "not measured"
    if one.low is None or one.high is None:
        return f"{one.value:.2f}"
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
