"""The section on a twin: its pictures, its numbers and its words."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as PlotFigure
from sklearn.decomposition import PCA

from causalxai import Dataset
from causalxai.command_line.run import figure_in_words
from causalxai.report import training_curves
from causalxai.report.excitation import evenly_spaced
from causalxai.report.section import Figure, Section, Table
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.report import twin as figures
from causalxai_glance.report.twin import (
    LEAST_OVERLAP,
    doubt_of_overlap,
    doubt_of_twin,
    twin_section,
)
from causalxai_glance.twin.quality import Quality
from causalxai_glance.twin.training import TERMS
from tests.plugins.glance.report.sections import items, words
from tests.plugins.glance.report.small_explanation import shown


@pytest.fixture(scope="module")
def twin(latent_space: LatentSpace, squares: Dataset) -> Section:
    return twin_section(latent_space, squares)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the rendering of figures out, which takes seconds and decides no word."""

    def empty(figure: object, caption: str, alt: str, *, raster: bool = False) -> Figure:
        return Figure(caption, alt, svg="<svg/>")

    monkeypatch.setattr(figures, "embed", empty)
    monkeypatch.setattr(training_curves, "embed", empty)


def test_a_twin_is_shown_from_all_sides(twin: Section):
    pictures, alignment, clusters, losses = items(twin, Figure)
    assert all(figure.png for figure in (pictures, alignment, clusters))
    assert losses.svg is not None
    assert "classifier's embedding" in pictures.caption
    assert "label" in alignment.caption and "principal components" in clusters.caption
    assert all(figure.alt and figure.caption for figure in items(twin, Figure))


def test_the_losses_that_there_were_are_drawn(twin: Section, latent_space: LatentSpace):
    source = items(twin, Figure)[-1].svg
    for term, column in zip(TERMS, latent_space.history_.T, strict=True):
        assert (f">{term}<" in source) == bool((column != 0).any())


def test_the_table_holds_the_quality(twin: Section, latent_space: LatentSpace):
    [table] = items(twin, Table)
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
    twin: Section, latent_space: LatentSpace, squares: Dataset
):
    again = twin_section(latent_space, squares)
    for one, other in zip(items(twin, Figure), items(again, Figure), strict=True):
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


@pytest.fixture
def twin_plots(
    plots: list[PlotFigure], latent_space: LatentSpace, squares: Dataset
) -> list[PlotFigure]:
    """Pictures, alignment, clusters and losses of a twin, one concept of which is boolean."""
    space = copy.copy(latent_space)
    twin_section(space, squares)
    return plots


def test_the_twin_s_pictures_are_of_the_images_above_them(
    twin_plots: list[PlotFigure], latent_space: LatentSpace, squares: Dataset
) -> None:
    axes = twin_plots[0].axes
    images = evenly_spaced(squares.test, len(axes) // 2).images
    values = latent_space.encode(images).values
    with torch.no_grad():
        painted = latent_space.twin_.render(latent_space.latents(values))
    for one, picture in zip(axes, [*images, *painted], strict=True):
        torch.testing.assert_close(shown(one), picture[0])


def test_alignment_is_readings_against_labels(
    twin_plots: list[PlotFigure], latent_space: LatentSpace, squares: Dataset
) -> None:
    readings = latent_space.encode(squares.test.images).values[:, :2]
    assert squares.test.concepts is not None
    for place, axes in enumerate(twin_plots[1].axes):
        points = np.asarray(axes.collections[0].get_offsets())
        np.testing.assert_allclose(points[:, 0], squares.test.concepts[:, place], rtol=1e-5)
        np.testing.assert_allclose(points[:, 1], readings[:, place], rtol=1e-4)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("label", "aligned latent")
        [line] = axes.lines
        assert np.array_equal(line.get_xdata(), line.get_ydata())


def test_panels_of_what_is_there_or_not_are_labelled_as_such(
    plots: list[PlotFigure], latent_space: LatentSpace, squares: Dataset
) -> None:
    space = copy.copy(latent_space)
    space.boolean_ = frozenset({1})
    labels = squares.test.concepts.clone()
    labels[:, 1] = (labels[:, 1] > 0.5).float()
    twin_section(space, replace(squares, test=replace(squares.test, concepts=labels)))
    first, second = plots[1].axes
    assert (first.get_xlabel(), first.get_ylabel()) == ("label", "aligned latent")
    assert (second.get_xlabel(), second.get_ylabel()) == ("aligned latent", "images")
    with_it = int(labels[:, 1].sum())
    filled, line = second.patches[:-1], second.patches[-1]
    assert sum(bar.get_height() for bar in filled) == with_it
    assert line.get_xy()[:, 1].max() <= len(labels) - with_it


def test_each_cluster_is_of_its_own_class(
    twin_plots: list[PlotFigure], latent_space: LatentSpace, squares: Dataset
) -> None:
    latents = latent_space.latents(latent_space.encode(squares.test.images).values)
    plane, _ = figures._principal_plane(latents[:, 2:].double().numpy())
    [axes] = twin_plots[2].axes
    labels = squares.test.labels.numpy()
    classes = [klass for klass in range(len(squares.class_names)) if (labels == klass).any()]
    assert len(classes) > 1
    for klass, points, text in zip(classes, axes.collections, axes.texts, strict=True):
        mine = plane[labels == klass]
        np.testing.assert_allclose(np.asarray(points.get_offsets()), mine, atol=1e-4)
        assert text.get_text() == squares.class_names[klass]
        np.testing.assert_allclose(text.get_position(), np.median(mine, axis=0), atol=1e-4)
        edge = text.get_bbox_patch().get_edgecolor()
        assert to_hex(edge) == to_hex(points.get_facecolor()[0])


def test_concepts_that_are_not_faithful_or_do_not_overlap_are_doubted():
    assert doubt_of_twin(["a", "b"]).endswith(
        "in a, b: do not believe the what-ifs about these concepts."
    )
    assert doubt_of_twin([]) == ""
    assert doubt_of_overlap(None) == doubt_of_overlap(LEAST_OVERLAP) == ""
    assert (
        "with weights that make them independent, 2.6% of the images would tell as much"
    ) in doubt_of_overlap(0.026)
