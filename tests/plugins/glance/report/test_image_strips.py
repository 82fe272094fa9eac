from __future__ import annotations

import torch
from matplotlib.figure import Figure as PlotFigure

from causalxai_glance.pairs import Pairs
from causalxai_glance.report.explanation import explanation_section
from tests.plugins.glance.report.small_explanation import CLASSES, NAMES, N, explanation, shown


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
