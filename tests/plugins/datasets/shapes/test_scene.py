from __future__ import annotations

import numpy as np
import pytest

from causalxai_datasets.shapes import NUMBERS, PROPERTIES, draw_scene, object_mask


def look(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(NUMBERS)


def properties(**chosen: bool) -> np.ndarray:
    return np.array([chosen.get(name, False) for name in PROPERTIES])


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_is_seen(name: str, size: int) -> None:
    for seed in range(8):
        other = dict(zip(PROPERTIES, np.random.default_rng(seed).random(4) < 0.5, strict=True))
        one, two = (
            draw_scene(properties(**{**other, name: value}), look(seed), size).astype(int)
            for value in (False, True)
        )
        changed = np.abs(two - one).max(axis=0) > 32
        assert changed.sum() >= 8 * (size / 32) ** 2


def test_masks_have_the_area_of_the_object() -> None:
    for seed in range(5):
        small, large, cube = (
            object_mask(chosen, look(seed), 64).sum()
            for chosen in (
                properties(), properties(large=True), properties(large=True, cube=True)
            )
        )  # fmt: skip
        assert 3.2 < large / small < 4.4
        # A disc within its square, and a hexagon: the square without two corners of a quarter each.
        np.testing.assert_allclose(cube / large, (1 - 2 * 0.25**2 / 2) / (np.pi / 4), rtol=0.05)


def test_colour_and_stripes_are_within_the_mask() -> None:
    chosen = {"large": True, "cube": True}
    mask = object_mask(properties(**chosen), look(1), 64)
    plain, blue, striped = (
        draw_scene(properties(**chosen, **more), look(1), 64).astype(int)
        for more in ({}, {"blue": True}, {"striped": True})
    )
    assert plain[0][mask].mean() > plain[2][mask].mean() + 60
    assert blue[2][mask].mean() > blue[0][mask].mean() + 60
    for other in (blue, striped):
        changed = np.abs(other - plain).max(axis=0) > 120
        assert changed.any()
        assert not (changed & ~mask).any()


def test_rooms_differ() -> None:
    assert len({draw_scene(properties(), look(seed), 32).tobytes() for seed in range(30)}) == 30
