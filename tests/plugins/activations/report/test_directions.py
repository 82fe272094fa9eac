"""What the report says of directions and of their scores."""

from __future__ import annotations

from causalxai import ScoringInputs
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_activations.direction_space import DirectionSpace
from causalxai_activations.report.directions import concept_report


def reported(space: DirectionSpace, inputs: ScoringInputs) -> Section:
    told = ReportInputs(
        classifier=inputs.classifier, dataset=inputs.dataset, rng=inputs.rng, space=space
    )
    (section,) = concept_report(space, told)
    return section


def test_scores_are_told_beside_those_of_random_directions(
    directions: DirectionSpace, direction_inputs: ScoringInputs
):
    section = reported(directions, direction_inputs)
    quality, scores = (item for item in section.items if isinstance(item, Table))
    assert [row[0] for row in quality.rows] == ["lit", "warmth"]
    assert [row[-1] for row in quality.rows] == ["0.50", "0.00"]
    assert [row[:2] for row in scores.rows][:2] == [("lit", "left"), ("lit", "right")]
    found = directions.scores_
    assert scores.rows[0][3] == f"{found.random_low[0, 0]:.2f} to {found.random_high[0, 0]:.2f}"
    assert "Compared with 199 random directions" in section.items[0].text
    assert sum(isinstance(item, Figure) for item in section.items) == 2


def test_a_warning_is_told(direction_inputs: ScoringInputs, directions: DirectionSpace):
    copy = DirectionSpace(directions.config)
    copy.__dict__.update(directions.__dict__)
    copy.linear_ = True
    notes = [item.text for item in reported(copy, direction_inputs).items if isinstance(item, Text)]
    assert any(note.startswith("Note: the logits are linear in the layer") for note in notes)
