from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, Comparison, Edge, EdgeKind, Explanation
from causalxai.capabilities import Capability
from causalxai.comparison.page.gallery import gallery
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.saved_results import SavedResult, saved_results
from causalxai.report.pictures import thumbnail

INPUTS = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
TARGET = torch.tensor([0, 0, 0, 1, 1, 1])


def saved(
    label: str, explanation: Explanation, edges: Sequence[tuple[str, str]] = ()
) -> SavedResult:
    nodes = dict.fromkeys(end for edge in edges for end in edge)
    return SavedResult(label, False, explanation, CausalGraph(nodes, edges))


def with_map(label: str, images: Tensor = INPUTS) -> SavedResult:
    heat = torch.linspace(-1, 1, 16).view(1, 4, 4).expand(len(images), 4, 4)
    return saved(label, Explanation(images, TARGET, maps={"heat": heat}))


def painting(label: str, pictured: Sequence[int]) -> SavedResult:
    """Two concepts, raised and lowered; the second, lowered, moves the confidence most."""
    m = len(pictured)
    perceived, intervened = torch.tensor([[0.9, 0.1]]).expand(6, 2), torch.full((6, 2, 2, 2), 0.8)
    intervened[:, 1, 1] = 0.2
    details = {
        "pictured": torch.tensor(pictured),
        "perceived": perceived,
        "intervened": intervened,
        "perceived picture": torch.zeros(m, 1, 4, 4),
        "intervened picture": torch.linspace(0, 1, 4)
        .view(1, 2, 2, 1, 1, 1)
        .expand(m, 2, 2, 1, 4, 4),
    }
    meta = {"contrasted": ["left", "right"], "boolean": ["left"], "step": 1.5}
    importance = torch.ones(6, 2)
    return saved(
        label,
        Explanation(INPUTS, TARGET, ("left", "right"), importance, details=details, meta=meta),
    )


def test_maps_are_shown_for_images_of_all_classes():
    shown = gallery([with_map("a"), with_map("heat")])
    assert shown is not None
    assert [image.alt for image in shown.images] == ["image 0", "image 1", "image 3"]
    assert [(strip.label, strip.shows, strip.width) for strip in shown.strips] == [
        ("a", "heat", 1),
        ("heat", "map", 1),
    ]


def test_whoever_paints_is_shown_by_the_what_if_that_changes_most():
    shown = gallery([painting("twin", [1, 2, 5]), with_map("map")])
    assert shown is not None
    # Only images that were painted are chosen.
    assert [image.alt for image in shown.images] == ["image 1", "image 2", "image 5"]
    twin, _ = shown.strips
    seen, what_if = twin.tiles[0]
    assert (seen.caption, seen.figure) == ("painted", "90%")
    told = "right \N{MINUS SIGN}1.5\N{NO-BREAK SPACE}sd"
    assert (what_if.caption, what_if.figure) == (told, "20%")
    assert what_if.picture == thumbnail(torch.ones(1, 4, 4))
    # The class of the last image is the second one, of which the confidence is 10 %.
    assert twin.tiles[2][0].figure == "10%"


def test_other_images_are_not_passed_off_as_the_same():
    shown = gallery([with_map("a"), with_map("b", 1 - INPUTS)])
    assert shown is not None
    assert [strip.label for strip in shown.strips] == ["a"]
    assert shown.others == ("b",)


def test_an_explanation_without_pixels_has_no_strip():
    bare = saved("bare", Explanation(INPUTS, TARGET, ("left",), torch.ones(6, 1)))
    assert gallery([bare]) is None
    shown = gallery([bare, with_map("map")])
    assert shown is not None
    assert [strip.label for strip in shown.strips] == ["map"]


def other_details(label: str, **details: Tensor) -> SavedResult:
    result = painting(label, [1, 2, 5])
    explanation = result.explanation
    named = {name.replace("_", " "): tensor for name, tensor in details.items()}
    own = replace(explanation, details={**explanation.details, **named})
    return replace(result, explanation=own)


@pytest.mark.parametrize(
    ("details", "told"),
    [
        (
            {"flipped_picture": torch.zeros(3, 2, 1, 4, 4)},
            r"'flipped picture' is \[3, 2, 1, 4, 4\]",
        ),
        ({"flipped_picture": torch.zeros(2, 1, 4, 4)}, r"is \[2, 1, 4, 4\], .* are \[3, c, h, w\]"),
        ({"intervened_picture": torch.zeros(3, 3, 2, 1, 4, 4)}, "k 'contrasted' concepts"),
        ({"pictured": torch.tensor([1, 2, 6])}, "which of the 6 images"),
        ({"pictured": torch.tensor([[1, 2, 5]])}, "which of the 6 images"),
        ({"perceived_picture": torch.zeros(3, 4, 4)}, r"'perceived picture' is \[3, 4, 4\]"),
    ],
)
def test_pictures_of_other_shapes_are_left_out_and_told(
    details: dict[str, Tensor], told: str, caplog: pytest.LogCaptureFixture
):
    shown = gallery([other_details("odd", **details), with_map("map")])
    assert shown is not None
    assert [strip.label for strip in shown.strips] == ["map"]
    (refused,) = shown.refused
    assert refused.startswith("odd: ")
    assert re.search(told, refused)
    assert "its pictures are not shown" in caplog.text


def test_contrasts_without_names_are_left_out(caplog: pytest.LogCaptureFixture):
    odd = painting("odd", [1, 2, 5])
    odd = replace(odd, explanation=replace(odd.explanation, meta={}))
    shown = gallery([odd])
    assert shown is not None
    assert (shown.strips, len(shown.refused)) == ((), 1)


def test_a_detail_that_is_no_probability_is_none():
    shown = gallery([other_details("twin", perceived=torch.zeros(6), intervened=torch.zeros(6))])
    assert shown is not None
    (twin,) = shown.strips
    assert {tile.figure for tiles in twin.tiles for tile in tiles} == {""}


def test_a_strip_that_fails_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    from causalxai.comparison.page import gallery as module

    def broken(*_: object) -> None:
        raise RuntimeError("no such channel")

    monkeypatch.setattr(module, "_pair", broken)
    shown = gallery([painting("twin", [1, 2, 5]), with_map("map")])
    assert shown is not None
    assert [strip.label for strip in shown.strips] == ["map"]
    assert shown.refused == ("twin: RuntimeError: no such channel",)


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ([("a", "b"), ("b", "class 1")], True),
        ([("a", "class 1"), ("b", "class 1")], False),
        ([], False),
        ([(f"n{i}", f"n{i + 1}") for i in range(12)], False),
    ],
)
def test_a_concept_graph_is_small_and_has_a_concept_that_causes_another(
    edges: list[tuple[str, str]], told: bool
):
    shown = saved("a", Explanation(INPUTS, TARGET), edges)
    assert shown.has_concept_graph is told


def test_a_concept_graph_may_leave_every_direction_open():
    graph = CausalGraph("ab", [Edge("a", "b", EdgeKind.UNDIRECTED)])
    shown = replace(saved("a", Explanation(INPUTS, TARGET), []), graph=graph)
    assert shown.has_concept_graph


def test_the_heading_says_whether_the_classifier_was_asked(
    done: Comparison, monkeypatch: pytest.MonkeyPatch
):
    from causalxai.testing.toys import ToyDiscoverer

    html = render_comparison(done)
    assert "in the eyes of the classifier" in html
    assert "(seed: 0)" in html  # which of the two is drawn
    monkeypatch.setattr(ToyDiscoverer, "requires", frozenset({Capability.OBSERVATIONS}))
    html = render_comparison(done)
    assert "in the eyes of the classifier" not in html
    assert "What causes what, by the labels alone" in html


def test_what_runs_left_is_read_where_it_lies(done: Comparison):
    shown = saved_results(done)
    # Of two seeds the first; the one that failed left nothing.
    assert [(one.label, one.control) for one in shown] == [("exact", False), ("random", True)]
    first = next(entry for entry in done.entries if entry.outcome.directory is not None)
    assert first.outcome.directory is not None
    left = json.loads((first.outcome.directory / "graph.json").read_text(encoding="utf-8"))
    assert list(shown[0].graph.nodes) == [node["id"] for node in left["nodes"]]
    assert torch.equal(shown[0].explanation.images, shown[1].explanation.images)


def test_files_that_are_gone_are_told_of(
    runs: Path, done: Comparison, caplog: pytest.LogCaptureFixture
):
    entries = tuple(
        replace(entry, outcome=replace(entry.outcome, directory=runs / "gone"))
        for entry in done.entries
    )
    assert saved_results(replace(done, entries=entries)) == []
    assert "nothing of this run is shown" in caplog.text
