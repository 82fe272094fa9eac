from __future__ import annotations

from collections.abc import Callable

from causalxai import Comparison
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.score_table import score_table

Made = Callable[..., Comparison]


def test_scores_about_other_concepts_are_not_comparable(compared: Made):
    other = {"other": {"oracle": {"use": "toy", "world": 1}}}
    values = {"a": 0.2, "b": 0.4, "other": 0.9, "control": 0.25}
    table = score_table(compared(values, overrides=other))
    scores = {line.labels[0]: line.scores[0] for line in table.lines}
    assert [name for name, score in scores.items() if score.marks] == ["other"]
    assert scores["other"].marks == "†"
    assert [name for name, score in scores.items() if score.best] == ["b"]
    assert [one.label for one in table.control_warnings[0].methods] == ["a"]
    assert {line.concepts for line in table.lines} == {"toy"}


def test_what_was_read_of_pixels_is_not_comparable_with_what_was_read_of_concepts(compared: Made):
    read = {"maps": "pixels", "more maps": "pixels", "own": "concepts", "control": "pixels"}
    values = {"maps": 0.2, "more maps": 0.3, "own": 0.9, "control": 0.95}
    comparison = compared(values, read=read, metric="undefined")
    table = score_table(comparison)
    scores = {line.labels[0]: line.scores[0] for line in table.lines}
    # The best of the maps is not better than the control, and nothing is comparable with "own".
    assert not any(score.best for score in scores.values())
    assert {name: score.marks for name, score in scores.items() if score.marks} == {"own": "‡"}
    assert [one.label for one in table.control_warnings[0].methods] == ["maps", "more maps"]
    assert set(comparison.ranks().method) == {"maps", "more maps", "control"}
    assert "own" not in set(comparison.differences()["first"])
    table = comparison.table.set_index("method")
    assert table.loc["maps", "vocabulary"] == ""
    assert table.loc["own", "vocabulary"].startswith("toy ")
    assert "‡ Pixels were read" in render_comparison(comparison)


def test_ranks_and_differences_keep_vocabularies_apart(compared: Made):
    oracle = {"oracle": {"use": "toy", "world": 1}}
    values = {"a": 0.2, "b": 0.3, "other": 0.9, "another": 0.8, "control": 0.25}
    comparison = compared(values, overrides={"other": oracle, "another": oracle})
    ranks = comparison.ranks().set_index("method")["rank"]
    assert dict(ranks) == {"b": 1, "control": 2, "a": 3, "other": 1, "another": 2}
    pairs = {(row.first, row.second) for row in comparison.differences().itertuples()}
    assert pairs == {("a", "b"), ("a", "control"), ("b", "control"), ("other", "another")}
    html = render_comparison(comparison)
    assert html.count(">distance · toy ") == 2
    alone = render_comparison(compared({"a": 0.2, "b": 0.3, "control": 0.25}))
    assert "distance · toy " not in alone
