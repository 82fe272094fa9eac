from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from causalxai import CausalGraph, Comparison, Edge, EdgeKind, Explanation
from causalxai.capabilities import Capability
from causalxai.comparison.page.gallery import gallery
from causalxai.comparison.page.render import render_comparison
from causalxai.comparison.page.saved_results import SavedResult
from causalxai.intervention import Action
from causalxai.report.pictures import thumbnail
from causalxai.what_if import Change, WhatIf

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
    logits = {"": (0.9, 0.1), "left": (0.8, 0.2), "not left": (0.8, 0.2), "right +": (0.8, 0.2)}
    logits["right \N{MINUS SIGN}"] = (0.2, 0.8)
    what_ifs = []
    for row in range(len(TARGET)):
        for number, (words, chances) in enumerate(logits.items()):
            changes = (Change(words, Action.SET, 0.0, words),) if words else ()
            image = torch.full((1, 4, 4), max(0, number - 1) / 3) if row in pictured else None
            what_ifs.append(WhatIf(row, changes, torch.tensor(chances).log(), image))
    importance = torch.ones(6, 2)
    names = ("left", "right")
    own = Explanation(INPUTS, TARGET, names, importance, what_ifs=tuple(what_ifs))
    return saved(label, own)


def test_maps_are_shown_for_images_of_all_classes():
    shown = gallery([with_map("a"), with_map("heat")])
    assert shown is not None
    assert [image.alt for image in shown.images] == ["image 0", "image 1", "image 3"]
    assert not shown.has_pairs
    assert [(strip.label, strip.shows, strip.width) for strip in shown.strips] == [
        ("a", "heat", 1),
        ("heat", "map", 1),
    ]


def test_whoever_paints_is_shown_by_the_what_if_that_changes_most():
    shown = gallery([painting("twin", [1, 2, 5]), with_map("map")])
    assert shown is not None
    assert (shown.has_pairs, shown.has_controls) == (True, False)
    # Only images that were painted are chosen.
    assert [image.alt for image in shown.images] == ["image 1", "image 2", "image 5"]
    twin, _ = shown.strips
    seen, what_if = twin.tiles[0]
    assert (seen.caption, seen.figure) == ("painted", "90%")
    assert (what_if.caption, what_if.figure) == ("right \N{MINUS SIGN}", "20%")
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


def only(result: SavedResult, *words: str) -> SavedResult:
    """Keep some of the what-ifs."""
    explanation = result.explanation
    assert explanation is not None
    kept = tuple(one for one in explanation.what_ifs if one.words in words)
    return replace(result, explanation=replace(explanation, what_ifs=kept))


def test_of_equal_confidences_the_picture_that_changes_most_is_shown():
    shown = gallery([only(painting("twin", [1]), "as perceived", "left", "right +", "not left")])
    assert shown is not None
    assert shown.strips[0].tiles[0][1].caption == "right +"


@pytest.mark.parametrize(
    ("kept", "captions"),
    [
        (["as perceived"], ["painted"]),
        # Without the image as perceived it is not known what the confidence was before.
        (["left", "right \N{MINUS SIGN}"], ["left"]),
    ],
)
def test_what_has_no_picture_is_left_out(kept: list[str], captions: list[str]):
    shown = gallery([only(painting("twin", [1]), *kept)])
    assert shown is not None
    assert [tile.caption for tile in shown.strips[0].tiles[0]] == captions


def test_what_ifs_without_pictures_leave_room_for_maps():
    bare, heat = painting("twin", []).explanation, with_map("map").explanation
    assert bare is not None and heat is not None
    shown = gallery([saved("both", replace(bare, maps=heat.maps))])
    assert shown is not None
    assert shown.strips[0].shows == "heat"


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
