from __future__ import annotations

import numpy as np

from causalxai_datasets.drawing_page import DrawingPage, Pose

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
LEFT_HALF = [(-1.0, -1.0), (0.0, -1.0), (0.0, 1.0), (-1.0, 1.0)]


def test_a_shape_is_where_its_coordinates_say() -> None:
    page = DrawingPage(8, BLACK)
    page.area(LEFT_HALF, WHITE)
    drawn = page.finish()

    assert drawn.shape == (3, 8, 8)
    assert (drawn[:, :, :4] == 255).all()
    assert (drawn[:, :, 5:] == 0).all()


def test_a_pose_moves_turns_and_scales_on_the_same_page() -> None:
    page = DrawingPage(8, BLACK)
    turned = page.posed(Pose(x=0.5, y=0.5, tilt=np.pi / 2, scale=0.5))
    turned.area(LEFT_HALF, WHITE)
    light = page.finish()[0] > 127

    # The left half, turned clockwise by a right angle, is the upper half of the right lower corner.
    expected = np.zeros((8, 8), bool)
    expected[4:6, 4:] = True
    assert (light == expected).mean() > 0.9
    assert light[4, 5]
    assert not light[7].any()


def test_borders_are_smooth() -> None:
    page = DrawingPage(16, BLACK)
    page.oval((0.0, 0.0), (0.6, 0.6), WHITE)
    drawn = page.finish()[0]

    assert ((drawn > 0) & (drawn < 255)).sum() > 10
    np.testing.assert_allclose(drawn.mean() / 255, np.pi * 0.6**2 / 4, rtol=0.08)
