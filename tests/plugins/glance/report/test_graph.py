"""What stands in figures is read from their axes: each picture, bar and point is the right one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as PlotFigure
from torch import Tensor

from causalxai import CausalGraph, Dataset, Edge
from causalxai.concept import Units
from causalxai.explainer import Explanation
from causalxai.graph import Node, NodeKind
from causalxai.intervention import Action
from causalxai.report import training_curves
from causalxai.report.excitation import evenly_spaced
from causalxai.report.plots import OPPOSE, SUPPORT
from causalxai.report.section import Figure, Text
from causalxai.what_if import Change
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.pairs import Pairs
from causalxai_glance.report import explanation as explanation_figures
from causalxai_glance.report import image_strips as strips
from causalxai_glance.report import twin as figures
from causalxai_glance.report.explanation import explanation_section
from causalxai_glance.report.graph import _apart, concept_meanings, graph_section
from causalxai_glance.report.twin import (
    LEAST_OVERLAP,
    doubt_of_overlap,
    doubt_of_twin,
    twin_section,
)

CLASSES = ("x", "y", "z")
NAMES = ("size", "brightness")
N, K, D, SIDE = 3, len(CLASSES), 12, 4
MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> list[PlotFigure]:
    """Collects the figures that would be embedded, which takes longer than to fill them."""
    seen: list[PlotFigure] = []

    def embed(figure: PlotFigure, caption: str, alt: str, *, raster: bool = False) -> Figure:
        seen.append(figure)
        return Figure(caption, alt, png=b"" if raster else None, svg=None if raster else "")

    for module in (explanation_figures, figures, strips, training_curves):
        monkeypatch.setattr(module, "embed", embed)
    return seen


def explanation(*, boolean: Sequence[str] = (), channels: int = 1) -> Explanation:
    """Three images of three classes, in which no two numbers are the same."""
    rng = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng)

    picture = (channels, SIDE, SIDE)
    pairs = Pairs(
        4 * some(N, K),
        4 * some(N, 2, 2, K),
        torch.arange(N),
        some(N, *picture),
        some(N, 2, 2, *picture),
    )
    changes = [Change(name, Action.SHIFT, way, name) for name in NAMES for way in (1.0, -1.0)]
    details = {
        "fidelity": torch.tensor([0.9, 0.6, 0.3]),
        "intercept": some(N),
        "original": some(N, K),
        "effect": some(N, 2, 2),
    }
    meta = {"contrasted": [*NAMES], "named": 2, "boolean": [*boolean], "step": 1.0, "samples": 32}
    return Explanation(
        images=some(N, *picture),
        target=torch.tensor([2, 0, 1]),
        concepts=(*NAMES, *(f"latent {i}" for i in range(2, D))),
        importance=torch.randn(N, D, generator=rng),
        what_ifs=pairs.what_ifs(changes),
        units=Units(some(N, D)),
        details=details,
        meta=meta,
    )


def shown(axes: Axes) -> Tensor:
    """Return the picture that axes show, ``[h, w]`` or ``[h, w, 3]``."""
    [image] = axes.images
    return torch.from_numpy(np.asarray(image.get_array()).squeeze())


def bars(axes: Axes) -> dict[str, tuple[float, str, str]]:
    """Return each bar's length, colour and number, by its label."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    numbers = [text.get_text() for text in axes.texts]
    assert len(labels) == len(axes.patches) == len(numbers)
    found = {}
    for label, bar, number in zip(labels, axes.patches, numbers, strict=True):
        assert bar.get_y() + bar.get_height() / 2 == pytest.approx(len(found))
        found[label] = (bar.get_width(), to_hex(bar.get_facecolor()), number)
    return found


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)


def block_of(figure: PlotFigure, image: int) -> list[Axes]:
    """Return one image's axes: 5 above, importance, confidence; then 5 below."""
    size = len(figure.axes) // N
    return figure.axes[image * size : (image + 1) * size]


@pytest.mark.parametrize("image", range(N))
def test_what_ifs_are_the_pictures_of_the_intervention_that_the_title_names(
    plots: list[PlotFigure], image: int
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    axes = [one for one in block_of(plots[0], image) if one.images]
    titles = [one.get_title() for one in axes]
    pairs = Pairs.of(given)
    perceived = pairs.perceived_pictures[image, 0]
    assert titles == [
        *("image", "size +", "difference", "brightness +", "difference"),
        *("perceived", f"size {MINUS}", "difference", f"brightness {MINUS}", "difference"),
    ]
    torch.testing.assert_close(shown(axes[0]), given.images[image, 0])
    torch.testing.assert_close(shown(axes[5]), perceived)
    for side in (0, 1):
        for concept in (0, 1):
            place = 5 * side + 1 + 2 * concept
            after = pairs.intervened_pictures[image, concept, side, 0]
            torch.testing.assert_close(shown(axes[place]), after)
            torch.testing.assert_close(shown(axes[place + 1]), after - perceived)


def test_differences_are_white_where_it_is_brighter_and_on_one_scale(
    plots: list[PlotFigure],
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    pairs = Pairs.of(given)
    changes = pairs.intervened_pictures[0] - pairs.perceived_pictures[0]
    pictures = [one.images[0] for one in block_of(plots[0], 0) if "diff" in one.get_title()]
    assert len(pictures) == 4
    for picture in pictures:
        limit = float(changes.abs().max())
        assert picture.get_clim() == pytest.approx((-limit, limit))
        assert picture.cmap(picture.norm(limit))[:3] == pytest.approx((1, 1, 1))


@pytest.mark.parametrize("image", range(N))
def test_bars_of_importance_are_named_and_coloured_by_what_they_are(
    plots: list[PlotFigure], image: int
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    axes = block_of(plots[0], image)[5]
    found = bars(axes)
    importance = dict(zip(given.concepts, given.importance[image].tolist(), strict=True))
    unnamed = sorted(given.concepts[2:], key=lambda name: -abs(importance[name]))
    named = sorted(NAMES, key=lambda name: -abs(importance[name]))
    assert [*found] == [*named, *unnamed[:4]]
    for name, (length, colour, number) in found.items():
        assert length == pytest.approx(importance[name])
        assert colour == (SUPPORT if importance[name] > 0 else OPPOSE)
        assert number == signed(importance[name])
    assert axes.get_title(loc="left").endswith(f"{given.details['fidelity'][image]:.2f}")


@pytest.mark.parametrize("image", range(N))
def test_bars_of_confidence_are_the_class_s_in_each_picture(
    plots: list[PlotFigure], image: int
) -> None:
    given = explanation()
    explanation_section(given, CLASSES)
    axes = block_of(plots[0], image)[6]
    target, pairs = int(given.target[image]), Pairs.of(given)
    intervened = pairs.intervened[image].softmax(dim=-1)[..., target]
    expected = {
        "image": given.details["original"][image, target],
        "perceived": pairs.perceived[image].softmax(dim=0)[target],
        "size +": intervened[0, 0],
        f"size {MINUS}": intervened[0, 1],
        "brightness +": intervened[1, 0],
        f"brightness {MINUS}": intervened[1, 1],
    }
    found = bars(axes)
    assert [*found] == [*expected]
    for name, (length, _, number) in found.items():
        assert length == pytest.approx(float(expected[name]))
        assert number == f"{expected[name]:.2f}"
    assert axes.get_title(loc="left") == f"confidence in class {CLASSES[target]}"
    [line] = axes.lines
    assert line.get_xdata()[0] == pytest.approx(float(expected["perceived"]))
    assert min(text.get_position()[0] for text in axes.texts) > 1


def test_strips_show_the_flip_its_difference_and_its_confidence(
    plots: list[PlotFigure],
) -> None:
    given = explanation(boolean=NAMES)
    given.units.values[:, :2] = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]])
    explanation_section(given, CLASSES)
    flips, across = (plot.axes for plot in plots[1:])
    details, pairs = given.details, Pairs.of(given)
    featured = int(details["effect"].abs().mean(dim=(0, 2)).argmax())
    for image in range(N):
        target = int(given.target[image])
        sides = [int(reading > 0.5) for reading in given.units.values[image, :2]]
        pictures = [given.images[image], pairs.perceived_pictures[image]]
        perceived = pairs.perceived[image].softmax(dim=0)[target]
        intervened = pairs.intervened[image].softmax(dim=-1)[..., target]
        chances = [details["original"][image, target], perceived]
        pictures += [pairs.intervened_pictures[image, i, side] for i, side in enumerate(sides)]
        chances += [intervened[i, side] for i, side in enumerate(sides)]
        titles = [CLASSES[target], "perceived"]
        titles += [f"{name}\n= {1 - side}" for name, side in zip(NAMES, sides, strict=True)]
        row = flips[4 * image : 4 * image + 4]
        assert [one.get_title() for one in row] == titles
        assert [one.get_xlabel() for one in row] == [f"{chance:.2f}" for chance in chances]
        for one, picture in zip(row, pictures, strict=True):
            torch.testing.assert_close(shown(one), picture[0])
        given_one, perceived, after, change = across[image::N]
        assert after.get_title() == f"= {1 - sides[featured]}"
        assert perceived.get_xlabel() == f"{chances[1]:.2f}"
        assert after.get_xlabel() == f"{chances[2 + featured]:.2f}"
        flipped = pictures[2 + featured][0]
        torch.testing.assert_close(shown(given_one), pictures[0][0])
        torch.testing.assert_close(shown(perceived), pictures[1][0])
        torch.testing.assert_close(shown(after), flipped)
        torch.testing.assert_close(shown(change), flipped - pictures[1][0])
        assert change.images[0].cmap.name == "gray"


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_pictures_of_any_number_of_channels_are_shown(
    plots: list[PlotFigure], channels: int
) -> None:
    given = explanation(boolean=NAMES, channels=channels)
    explanation_section(given, CLASSES)
    first = given.images[0]
    for figure in plots:
        found = shown(figure.axes[0])
        expected = first.movedim(0, -1) if channels == 3 else first.mean(dim=0)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("fidelity", "said"),
    [
        ([0.8, 0.9, 1.0], "concepts: near 3 of 3 images it is nearly linear (R² 0.8 or more)."),
        ([0.79, 0.5, 0.6], "concepts: near 3 of 3 images it is roughly linear (R² 0.5 to 0.8)."),
        (
            [0.9, 0.6, 0.3],
            "near 1 of 3 images it is nearly linear (R² 0.8 or more), near 1 of 3 images it is "
            "roughly linear (R² 0.5 to 0.8), near 1 of 3 images it is not linear, and importances "
            "have little meaning (R² under 0.5).",
        ),
    ],
)
def test_additivity_is_told_by_the_fidelity(fidelity: list[float], said: str) -> None:
    given = explanation()
    given.details["fidelity"][:] = torch.tensor(fidelity)
    words = explanation_section(given, CLASSES).items[0]
    assert isinstance(words, Text)
    assert said in words.text


def test_the_summary_reads_as_no_subtraction() -> None:
    given = explanation()
    given.importance[:, 0] = torch.tensor([1.73, -2.07, 0.5])
    given.details["effect"][:, 0] = torch.tensor([1.0, -3.0])
    _, _, table = explanation_section(given, CLASSES).items
    name, by_class, _, up, down = table.rows[0]
    assert name == "size"
    assert by_class == f"class x: {MINUS}2.07; class y: +0.50; class z: +1.73"
    assert up.startswith("+1.00 (turns") and down.startswith(f"{MINUS}3.00 (turns")


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


def found(**annotations: Any) -> CausalGraph:
    nodes = [*map(Node, "abc"), Node("prediction", NodeKind.PREDICTION)]
    edges = [
        Edge("a", "b", weight=0.5),
        Edge("a", "prediction", weight=0.9, annotations={"doubt": "not faithful"}),
        Edge("b", "prediction", weight=0.25),
    ]
    return CausalGraph(nodes, edges, annotations=annotations)


def test_what_the_graph_found_is_said_in_a_sentence():
    assert graph_section(found()).finding == (
        "Between the concepts, 1 edge was found: a → b; the prediction is moved most by b, one "
        "unit of which shifts 0.25 of the probability."
    )
    many = CausalGraph("abcdef", [("a", other) for other in "bcdef"])
    assert graph_section(many).finding == (
        "Between the concepts, 5 edges were found: a → b, a → c, a → d, a → e, …."
    )
    assert graph_section(CausalGraph("ab")).finding == "No edge was found between the concepts."


def test_a_twin_that_is_not_faithful_is_doubted():
    assert graph_section(found()).doubt == ""
    assert graph_section(found(unfaithful=["a"])).doubt == (
        "The twin is not faithful in a: do not believe the what-ifs about this concept."
    )
    assert doubt_of_overlap(None) == doubt_of_overlap(LEAST_OVERLAP) == ""
    assert (
        "with weights that make them independent, 2.6% of the images would tell as much"
    ) in doubt_of_overlap(0.026)
    assert doubt_of_twin(["a", "b"]).endswith(
        "in a, b: do not believe the what-ifs about these concepts."
    )
    [drawing] = [item for item in graph_section(found()).items if isinstance(item, Figure)]
    assert "Purple and dotted: not to be believed" in drawing.caption


def test_what_labels_and_oracle_disagree_on_is_drawn_apart():
    graph = found(not_perceived=[{"source": "b", "target": "c", "weight": 0.1}])
    assert _apart(graph) == {
        "not perceived: found in the labels alone": [("b", "c")],
        "perceived only: not found in the labels": [],
    }


def test_a_concept_means_what_changes_with_it():
    given = explanation()
    meanings = concept_meanings(given)
    assert meanings.keys() == set(NAMES)
    first = [one for one in given.what_ifs if one.row == 0 and len(one.changes) == 1]
    captions = [f"{one.words}: {one.confidence(2):.0%}" for one in first]
    shown_captions = [one.caption for name in NAMES for one in meanings[name].pictures]
    assert sorted(shown_captions) == sorted(captions)
    assert concept_meanings(None) == {}


def test_the_concept_that_turns_most_predictions_is_named():
    given = explanation()
    pairs = Pairs.of(given)
    before = pairs.perceived.argmax(dim=1)
    turned = [
        sum(bool((pairs.intervened[i, c].argmax(dim=1) != before[i]).any()) for i in range(N))
        for c in range(2)
    ]
    most = NAMES[int(np.argmax(turned))]
    said = explanation_figures._finding(given, pairs)
    assert said.startswith(f"Changing {most} turns the predicted class of {max(turned)} of {N} ")
    still = replace(pairs, intervened=pairs.perceived[:, None, None].expand(N, 2, 2, K))
    assert explanation_figures._finding(given, still) == (
        f"No change of a single concept turns the predicted class of any of the {N} images."
    )


def test_importances_where_the_logit_is_not_linear_are_doubted():
    assert explanation_figures._doubt(torch.tensor([0.9, 0.6])) == ""
    assert explanation_figures._doubt(torch.tensor([0.9, 0.6, 0.3])) == (
        "Near 1 of 3 images the logit is no linear function of the concepts: do not believe the "
        "importances there."
    )
