"""The strengths and influences of a structural model, and how well it fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from causalxai.explainer import Explanation
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Section, Table, Text
from causalxai_discovery.dowhy_scm import DowhyScm

_HALF = 0.5

_OF_A_CLASS = {
    "interventional_effect": "effect of one sd",
    "arrow_strength": "strength of the arrow",
    "intrinsic_influence": "intrinsic influence",
}


def explanation_report(
    explainer: DowhyScm,  # noqa: ARG001
    explanation: Explanation,
    inputs: ReportInputs,
) -> tuple[Section]:
    """Show the strengths and influences of each class, and how well the model fits."""
    r2 = cast("Mapping[str, float]", explanation.meta["r2"])
    assert explanation.importance is not None
    rows: list[tuple[str, ...]] = []
    for k in explanation.target.unique().tolist():
        chosen = explanation.target == k
        columns = [
            explanation.importance[chosen].abs().mean(dim=0),
            *(explanation.details[name][chosen][0] for name in _OF_A_CLASS),
        ]
        for place, concept in enumerate(explanation.concepts):
            numbers = (f"{float(column[place]):.3g}" for column in columns)
            rows.append((f"class {inputs.dataset.class_names[k]}", concept, *numbers))
    fit = ", ".join(f"{name} {value:.2f}" for name, value in r2.items())
    columns_of_table = ("logit of", "concept", "mean |importance|", *_OF_A_CLASS.values())
    return (
        Section(
            "A structural model of concepts and logit",
            [
                Text(
                    "Share of the logit's variance over the test images that the fitted "
                    f"{explanation.meta['mechanism']} mechanism predicts (at most 1): {fit}. Where "
                    "it is low, the other results are not reliable."
                ),
                Table(
                    columns_of_table,
                    tuple(rows),
                    "Importance and effect are in logits, strength and influence in squares "
                    "of them.",
                ),
            ],
            doubt=_doubt(r2),
        ),
    )


def _doubt(r2: Mapping[str, float]) -> str:
    """Say for which classes the model predicts less than half of the logit's variance."""
    poor = [f"{name} ({value:.2f})" for name, value in r2.items() if value < _HALF]
    if not poor:
        return ""
    return (
        "The structural model predicts less than half of the variance of the logit of "
        f"{', '.join(poor)}: do not rely on its strengths and influences there."
    )
