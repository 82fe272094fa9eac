from __future__ import annotations

from typing import Any

import pytest
import torch

from causalxai import CausalGraph, Edge, Estimate, Explanation, MetricResult
from causalxai.config import load_spec
from causalxai.report.findings import _in_general, findings
from causalxai.report.section import Section

SURE, UNSURE = Estimate(0.9, 0.8, 1.0, 9), Estimate(0.5, 0.3, 0.7, 9)
CHANCE = Estimate(0.4)


def score(name: str, estimate: Estimate | None = SURE, **further: Any) -> MetricResult:
    status = "ok" if estimate else "skipped"
    return MetricResult(name, status, estimate, chance=CHANCE, **further)


def explanation(images: int, **further: Any) -> Explanation:
    return Explanation(torch.zeros(images, 1, 2, 2), torch.zeros(images), **further)


@pytest.fixture
def told(tiny_spec: dict[str, Any]) -> Any:
    def said(
        *metrics: MetricResult,
        sections: tuple[Section, ...] = (),
        images: int | None = 50,
        graph: CausalGraph | None = None,
        **spec: Any,
    ) -> tuple[str, ...]:
        return findings(
            load_spec({**tiny_spec, **spec}),
            accuracy="accuracy 98 %",
            explanation=None if images is None else explanation(images),
            graph=graph,
            metrics=metrics,
            sections=sections,
        )

    return said


def test_the_first_sentence_names_what_ran_and_not_the_preset(told: Any):
    first = "The method interventional explains what the classifier lenet predicts for"
    assert told()[0] == f"{first} 50 images of digits (accuracy 98 %)."
    assert told(images=1)[0] == f"{first} 1 image of digits (accuracy 98 %)."
    assert told(explain="random")[0].startswith("The method random explains what")
    found = "The method interventional searches the causal graph of the classifier lenet on digits"
    assert told(images=None)[0] == f"{found} (accuracy 98 %)."


@pytest.mark.parametrize(
    ("metrics", "sure", "unsure"),
    [
        (
            (),
            "No score was computed, so nothing here says how far to trust the explanation.",
            "",
        ),
        (
            (score("deletion"), score("insertion")),
            "How sure: 2 scores are better than chance and than every control by more than the "
            "95 % intervals: deletion and insertion.",
            "",
        ),
        (
            (score("deletion"), score("insertion", UNSURE), score("stability", None)),
            "How sure: 1 of 2 scores is better than chance and than every control by more than "
            "the 95 % intervals: deletion.",
            "Do not rely on insertion, which is not clear of chance.",
        ),
        (
            (score("deletion", controls={"swapped": Estimate(0.85), "fixed": Estimate(0.1)}),),
            "None of the scores is clear of chance and of its controls.",
            "Do not rely on deletion, which is not clear of a control.",
        ),
        (
            (
                score("deletion", UNSURE),
                score("insertion", UNSURE),
                score("stability", controls={"swapped": Estimate(0.85)}),
                score("bias", controls={"swapped": Estimate(0.9)}),
            ),
            "None of the scores is clear of chance and of its controls.",
            "Do not rely on deletion and insertion, which are not clear of chance, nor on "
            "stability and bias, which are not clear of a control.",
        ),
        (
            (MetricResult("deletion", estimate=SURE),),
            "No score has a chance level or a control to be compared with.",
            "",
        ),
        (
            (MetricResult("bias", estimate=SURE, higher_is_better=None),),
            "No score was computed, so nothing here says how far to trust the explanation.",
            "",
        ),
    ],
)
def test_how_sure_and_what_not_to_rely_on(
    told: Any, metrics: tuple[MetricResult, ...], sure: str, unsure: str
):
    _, said, doubt = told(*metrics)
    assert said == sure
    assert doubt == unsure or (not unsure and doubt.startswith("The intervals are about"))


def test_findings_and_doubts_of_the_sections_share_the_room(told: Any):
    def section(number: int, doubt: str = "") -> Section:
        return Section(f"s{number}", (), finding=f"Found {number}.", doubt=doubt)

    plain = told(score("d"), sections=(section(1), section(2), section(3)))
    assert len(plain) == 5
    assert plain[1:3] == ("Found 1.", "Found 2.")
    doubted = told(
        score("d", UNSURE), sections=(section(1, "Not one."), section(2), section(3, "Not three."))
    )
    assert doubted[1:2] + doubted[3:] == ("Found 1.", "Not one.", "Not three.")


def test_what_was_measured_of_the_run_is_the_second_sentence(told: Any):
    found, measured = Section("s", (), finding="Found."), Section("t", (), trust="Measured.")
    unscored = told(sections=(found, measured))
    assert unscored[1:3] == ("Measured.", "Found.")
    assert not any("No score was computed" in sentence for sentence in unscored)
    scored = told(score("d"), sections=(found, measured))
    assert scored[1:3] == ("Measured.", "Found.")
    assert scored[3].startswith("How sure: 1 score is better")


@pytest.mark.parametrize("trust", ["", "Measured."])
@pytest.mark.parametrize("doubts", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("found", [0, 1, 2, 3])
def test_there_are_three_to_five_sentences(told: Any, found: int, doubts: int, trust: str):
    sections = tuple(
        Section(
            f"{place}",
            (),
            f"F{place}." if place < found else "",
            f"D{place}." * (place < doubts),
            trust,
        )
        for place in range(4)
    )
    assert 3 <= len(told(score("d"), sections=sections)) <= 5
    assert 3 <= len(told(sections=sections)) <= 5


def test_where_no_section_says_what_was_found_the_results_do(told: Any):
    importance = torch.tensor([[0.5, -3.0], [0.5, 2.0]])
    given = explanation(2, concepts=("thickness", "intensity"), importance=importance)
    doubted = Edge("b", "c", weight=9.0, annotations={"doubt": "not read back"})
    graph = CausalGraph("abc", [Edge("a", "b", weight=-0.5), Edge("a", "c", weight=0.1), doubted])
    assert list(_in_general(given, graph)) == [
        "Of 2 concepts, intensity has the largest importance, 2.50 on average over the images, "
        "whatever its sign.",
        "The causal graph has 3 nodes and 3 edges; the strongest is a → b.",
    ]
    assert (
        told(graph=graph)[1] == "The causal graph has 3 nodes and 3 edges; the strongest is a → b."
    )
    said = told(graph=graph, sections=(Section("s", (), finding="Found."),))
    assert said[1] == "Found." and not any("nodes" in sentence for sentence in said)
