"""Figures and tables say what the numbers say, and the same bytes each time."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from causalxai import CausalGraph, Dataset, ScoringInputs
from causalxai.command_line.run import figure_in_words
from causalxai.explainer import Explanation
from causalxai.graph import Edge, EdgeKind
from causalxai.report import training_curves
from causalxai.report.section import Figure, Section, Table, Text
from causalxai_glance.explainer import GlanceExplainer
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.pairs import Pairs
from causalxai_glance.report import twin as figures
from causalxai_glance.report.explanation import explanation_section
from causalxai_glance.report.graph import graph_section
from causalxai_glance.report.twin import twin_section
from causalxai_glance.twin.quality import Quality
from causalxai_glance.twin.training import TERMS

TRUTH = CausalGraph("abcd", [("a", "b"), ("b", "c"), ("a", "d")])

# A line and its head.
OF_AN_ARROW = 2


def items(section: Section, kind: type) -> list:
    return [item for item in section.items if isinstance(item, kind)]


def words(section: Section) -> str:
    return " ".join(item.text for item in items(section, Text))


@pytest.fixture(scope="module")
def shown(latent_space: LatentSpace, squares: Dataset) -> Section:
    return twin_section(latent_space, squares)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the rendering of figures out, which takes seconds and decides no word."""

    def empty(figure: object, caption: str, alt: str, *, raster: bool = False) -> Figure:
        return Figure(caption, alt, svg="<svg/>")

    monkeypatch.setattr(figures, "embed", empty)
    monkeypatch.setattr(training_curves, "embed", empty)


def test_a_twin_is_shown_from_all_sides(shown: Section):
    pictures, alignment, clusters, losses = items(shown, Figure)
    assert all(figure.png for figure in (pictures, alignment, clusters))
    assert losses.svg is not None
    assert "classifier's embedding" in pictures.caption
    assert "label" in alignment.caption and "principal components" in clusters.caption
    assert all(figure.alt and figure.caption for figure in items(shown, Figure))


def test_the_losses_that_there_were_are_drawn(shown: Section, latent_space: LatentSpace):
    source = items(shown, Figure)[-1].svg
    for term, column in zip(TERMS, latent_space.history_.T, strict=True):
        assert (f">{term}<" in source) == bool((column != 0).any())


def test_the_table_holds_the_quality(shown: Section, latent_space: LatentSpace):
    [table] = items(shown, Table)
    quality = latent_space.quality_
    for i, row in enumerate(table.rows):
        stray = abs(quality.effect[i][1 - i])
        figures = (quality.alignment[i], quality.readback[i], quality.validity[i])
        own = quality.effect[i][i]
        said = [f"{value:.2f}" for value in (*figures, own, stray)]
        assert row[:-1] == (latent_space.named_[i], *said)
        assert (row[-1] == "yes") == (quality.readback[i] >= 0.9 and own >= 0.8)


@pytest.mark.usefixtures("undrawn")
def test_what_is_not_measured_is_said_to_be_so(latent_space: LatentSpace, squares: Dataset):
    space = copy.copy(latent_space)
    space.quality_ = replace(latent_space.quality_, alignment=(None, 0.5))
    unknown = squares.test.concepts.clone()
    unknown[3, 0] = torch.nan
    dataset = replace(squares, test=replace(squares.test, concepts=unknown))
    [table] = items(twin_section(space, dataset), Table)
    assert [row[1] for row in table.rows] == ["not measured", "0.50"]
    summary = json.loads(json.dumps(space.summary(), allow_nan=False))
    assert summary["alignment R2"] == {"size": None, "brightness": 0.5}
    assert figure_in_words(summary["alignment R2"]) == "size not measured, brightness 0.5"


@pytest.mark.usefixtures("undrawn")
def test_the_table_holds_the_qualitys_own_verdict(
    latent_space: LatentSpace, squares: Dataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Quality, "faithful_in", lambda quality, concept: concept == 1)
    [table] = items(twin_section(latent_space, squares), Table)
    assert [row[-1] for row in table.rows] == ["no", "yes"]


@pytest.mark.usefixtures("undrawn")
def test_the_verdict_is_said_in_words(latent_space: LatentSpace, squares: Dataset):
    space = copy.copy(latent_space)
    good = {"readback": (0.95, 0.9), "effect": ((0.9, 0.0), (0.1, 0.8))}
    space.quality_ = replace(latent_space.quality_, agreement=0.875, **good)
    said = words(twin_section(space, squares))
    assert "The twin is faithful" in said and "87.5%" in said
    worse = {"effect": ((0.9, 0.0), (0.1, 0.79)), "reconstruction": 0.01, "mean_image": 0.04}
    space.quality_ = replace(space.quality_, **worse)
    said = words(twin_section(space, squares))
    assert "The twin is not faithful" in said
    assert "25% of that of the training images' mean" in said


def test_the_same_twin_gives_the_same_bytes(
    shown: Section, latent_space: LatentSpace, squares: Dataset
):
    again = twin_section(latent_space, squares)
    for one, other in zip(items(shown, Figure), items(again, Figure), strict=True):
        assert (one.png, one.svg) == (other.png, other.svg)


@pytest.mark.usefixtures("undrawn")
def test_a_twin_without_names_is_shown_too(latent_space: LatentSpace, squares: Dataset):
    space = copy.copy(latent_space)
    space.named_ = ()
    nothing = {"alignment": (), "readback": (), "validity": (), "effect": ()}
    space.quality_ = replace(latent_space.quality_, **nothing)
    section = twin_section(space, squares)
    assert not items(section, Table)
    assert "No concept is named" in words(section)
    assert len(items(section, Figure)) == 3


def test_the_plane_is_that_of_principal_components():
    values = np.random.default_rng(0).normal(size=(30, 5)) * [3, 2, 1, 1, 0.5]
    flat, shares = figures._principal_plane(values)
    expected = PCA(2).fit(values)
    np.testing.assert_allclose(np.abs(flat), np.abs(expected.transform(values)))
    np.testing.assert_allclose(shares, expected.explained_variance_ratio_)
    turned, _ = figures._principal_plane(values[::-1])
    np.testing.assert_allclose(turned[::-1], flat, atol=1e-9)


def test_a_single_unnamed_latent_has_a_plane_too():
    flat, shares = figures._principal_plane(np.arange(4.0)[:, None])
    np.testing.assert_allclose(flat[:, 0], [-1.5, -0.5, 0.5, 1.5])
    assert not flat[:, 1].any()
    assert shares.tolist() == [1, 0]


def test_the_graph_is_scored_in_words():
    found = CausalGraph("abcd", [Edge("a", "b", weight=0.5, frequency=0.9), ("c", "b"), ("c", "d")])
    section = graph_section(found, TRUTH)
    assert words(section) == (
        "True edges found: 1 of 3; reversed: 1; missed: 1; found that are not true: 1."
    )
    [figure] = items(section, Figure)
    assert "a → b; c → b; c → d" in figure.alt
    assert "+0.50 · 90%" in figure.svg
    assert figure.svg.count("stroke-dasharray") == 3 * OF_AN_ARROW


def test_an_edge_without_a_direction_is_neither_right_nor_wrong():
    edges = [Edge("a", "b"), Edge("c", "b", EdgeKind.UNDIRECTED)]
    section = graph_section(CausalGraph("abcd", edges), TRUTH)
    assert words(section) == (
        "True edges found: 1 of 3; with the direction left open: 1; reversed: 0; missed: 1; "
        "found that are not true: 0."
    )
    assert "A line without a head" in items(section, Figure)[0].caption


@pytest.mark.parametrize("edges", [[], [("a", "b"), ("b", "c"), ("a", "d")]])
def test_lines_are_dashed_only_where_something_is_wrong(edges):
    [figure] = items(graph_section(CausalGraph("abcd", edges), TRUTH), Figure)
    assert figure.svg.count("stroke-dasharray") == OF_AN_ARROW * (3 - len(edges))


def test_a_graph_without_truth_and_with_a_prediction():
    edges = [Edge("a", "b", weight=-0.25), Edge("b", "prediction", weight=0.125)]
    found = CausalGraph(["a", "b", "prediction"], edges, tiers={"a": 0, "b": 0, "prediction": 1})
    section = graph_section(found, None, title="What it sees", more=[Text("more")])
    assert section.title == "What it sees"
    assert words(section) == "more"
    [figure] = items(section, Figure)
    assert "\N{MINUS SIGN}0.25" in figure.svg and "prediction" in figure.svg
    beside = graph_section(found, CausalGraph("ab", [("a", "b")]))
    assert "found: 1 of 1; reversed: 0; missed: 0; found that are not true: 0" in words(beside)
    assert "does not cover" in items(beside, Figure)[0].caption


def explanation_of(inputs: ScoringInputs, count: int = 6, **settings: object) -> Explanation:
    inputs = replace(inputs, rng=torch.Generator().manual_seed(1))
    images = inputs.dataset.test.images[:count]
    target = inputs.classifier.predict(images)
    return GlanceExplainer(samples=32, **settings).explain(images, target, inputs)


def signed(value: torch.Tensor) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def test_explanations_are_shown_and_summed_up(glance_context: ScoringInputs):
    explanation = explanation_of(glance_context, pictures=1)
    section = explanation_section(explanation, glance_context.classifier.class_names)
    [figure], [table] = items(section, Figure), items(section, Table)
    assert figure.png is not None
    assert [row[0] for row in table.rows] == ["size", "brightness"]
    effect = explanation.details["effect"].mean(dim=0)
    pairs = Pairs.of(explanation)
    turned = pairs.intervened.argmax(dim=-1)
    predicted = pairs.perceived.argmax(dim=-1)[:, None, None]
    count = (turned != predicted).sum(dim=0)
    for concept, row in enumerate(table.rows):
        for side in (0, 1):
            said = f"{signed(effect[concept, side])} (turns {count[concept, side]} of 6)"
            assert row[3 + side] == said
        for klass in explanation.target.unique().tolist():
            mean = explanation.importance[explanation.target == klass, concept].mean()
            name = glance_context.classifier.class_names[klass]
            assert f"class {name}: {signed(mean)}" in row[1]


def test_trust_is_told_in_numbers(glance_context: ScoringInputs):
    explanation = explanation_of(glance_context, pictures=0)
    fidelity = torch.tensor([0.9, 0.8, 0.2, 0.7, 0.6, 0.4])
    perceived = explanation.details["original"].log()
    perceived[0] = perceived[0].roll(1)
    details = {**explanation.details, "fidelity": fidelity}
    what_ifs = tuple(
        one if one.changes else replace(one, logits=perceived[one.row])
        for one in explanation.what_ifs
    )
    changed = replace(explanation, details=details, what_ifs=what_ifs)
    section = explanation_section(changed, ("x", "y", "z"))
    said = words(section)
    assert "0.60 on average (0.20 to 0.90)" in said
    assert "near 2 of 6 images it is not linear" in said
    assert "the same class there in 5 of 6" in said
    assert not items(section, Figure)


def test_the_same_explanation_gives_the_same_bytes(glance_context: ScoringInputs):
    explanation = explanation_of(glance_context, count=1)
    one, other = (
        items(explanation_section(explanation, ("x", "y", "z")), Figure)[0] for _ in range(2)
    )
    assert one.png == other.png
    more = replace(explanation, importance=-explanation.importance)
    assert items(explanation_section(more, ("x", "y", "z")), Figure)[0].png != one.png
