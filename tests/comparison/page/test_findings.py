from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from causalxai import Comparison
from causalxai.comparison.page.findings import findings
from causalxai.comparison.page.score_table import score_table
from causalxai.comparison.rows import Outcome

Made = Callable[..., Comparison]
SINGLE = (
    "How sure: each score is from a single run, so the intervals are about the choice of the "
    "images, and say nothing of other seeds."
)


def told(comparison: Comparison, lead: str = "") -> tuple[str, ...]:
    return findings(comparison, score_table(comparison), lead)


def test_the_best_is_named_where_it_has_a_star(compared: Made):
    said = told(compared({"a": 0.9, "b": 0.5, "control": 0.2}), "A and b explain.")
    best = "Best among comparable methods, and clear of chance and of every control: a by distance."
    assert said == ("A and b explain.", best, SINGLE)


def test_where_there_is_no_star_nobody_is_called_the_best(compared: Made):
    said = told(compared({"a": 0.9, "b": 0.5, "control": 0.95}))
    assert said[0] == (
        "By distance, do not call any method the best: none stands out among comparable ones and "
        "is clear of chance and of every control."
    )


def test_seeds_are_what_the_intervals_are_about(scored: Made):
    said = told(scored([{"a": 0.9, "b": 0.5}, {"a": 0.8, "b": 0.4}]))
    assert "How sure: the intervals are about the choice of the seed, over 2 seeds." in said


def test_incomparable_scores_are_told(compared: Made):
    read = {"a": "concepts", "b": "concepts", "c": "pixels", "control": "concepts"}
    said = told(compared({"a": 0.9, "b": 0.5, "c": 0.4, "control": 0.2}, read=read))
    assert said[-1] == (
        "Do not compare scores with † or ‡ with the rest of their column: they answer another "
        "question (c)."
    )


def test_failures_are_told(compared: Made):
    comparison = compared({"a": 0.9, "b": 0.5, "control": 0.2})
    first, *rest = comparison.entries
    broken = replace(first, outcome=Outcome("broken"))
    assert "1 of 3 runs failed and are left out." in told(
        replace(comparison, entries=(broken, *rest))
    )
    every = tuple(replace(entry, outcome=Outcome("broken")) for entry in comparison.entries)
    assert told(replace(comparison, entries=every)) == (
        "All 3 runs failed; the list of runs below says why.",
    )
