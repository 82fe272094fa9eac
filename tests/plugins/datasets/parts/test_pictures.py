from __future__ import annotations

import numpy as np
import pytest

from causalxai_datasets.parts import (
    NUMBERS,
    PARTS,
    REMOVED,
    VARIANTS,
    Look,
    draw_picture,
    part_masks,
    places_in,
)

NOTHING = np.full(len(PARTS), REMOVED)


def look(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(NUMBERS)


def alone(part: int, variant: int) -> np.ndarray:
    variants = NOTHING.copy()
    variants[part] = variant
    return variants


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("variant", range(3))
@pytest.mark.parametrize("part", range(len(PARTS)))
def test_every_variant_is_seen_in_its_own_colour(part: int, variant: int, size: int) -> None:
    colour = np.array(VARIANTS[PARTS[part]][variant].colour)
    for seed in range(4):
        picture = draw_picture(alone(part, variant), look(seed), size)
        mask = part_masks(alone(part, variant), look(seed), size)[part]
        assert mask.sum() >= 6 * (size / 32) ** 2
        rows, columns = places_in(part, variant, look(seed), size).T
        assert mask[rows, columns].all()
        away = np.abs(picture[:, rows, columns].T.astype(int) - colour).max(axis=1)
        assert np.median(away) < 100


def test_masks_of_parts_are_apart_and_empty_without_the_part() -> None:
    for seed in range(6):
        variants = np.random.default_rng(seed).integers(3, size=len(PARTS))
        masks = part_masks(variants, look(seed), 64)
        assert masks.any(axis=(1, 2)).all()
        assert (masks.sum(axis=0) > 1).sum() <= 0.1 * masks.any(axis=0).sum()
        variants[1] = REMOVED
        assert not part_masks(variants, look(seed), 64)[1].any()


def test_a_mask_is_what_changes_with_the_part() -> None:
    variants = np.zeros(len(PARTS), int)
    without = variants.copy()
    without[4] = REMOVED
    change = np.abs(
        draw_picture(variants, look(0), 64).astype(int) - draw_picture(without, look(0), 64)
    ).max(axis=0)
    mask = part_masks(variants, look(0), 64)[4]

    assert change[~mask].max() < 32 < change[mask].mean()


def test_birds_look_to_either_side_and_landscapes_differ() -> None:
    looks = [look(seed) for seed in range(40)]
    mirrored = [Look.of(numbers).mirrored for numbers in looks]
    beak = PARTS.index("beak")
    for numbers, is_mirrored in zip(looks, mirrored, strict=True):
        columns = part_masks(alone(beak, 0), numbers, 32)[beak].nonzero()[1]
        assert (columns.mean() < 16) == is_mirrored
    assert 8 < sum(mirrored) < 32
    assert len({draw_picture(NOTHING, numbers, 32).tobytes() for numbers in looks}) == 40
