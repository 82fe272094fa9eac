from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import PIL
import pytest
import torch

from causalxai_datasets.cartoon_faces import (
    ATTRIBUTES,
    NUMBERS,
    Appearance,
    Attribute,
    Traits,
    draw_face,
    draw_faces,
    draw_looks,
)
from causalxai_datasets.drawing_page import DrawingPage, Pose

# Where the change is, as shares of the page: the upper and the lower end of its rows.
REGIONS: dict[Attribute, tuple[float, float]] = {
    "straight hair": (0.0, 1.0),
    "wavy hair": (0.0, 1.0),
    "young": (0.0, 1.0),
    "moustache": (0.6, 0.8),
    "beard": (0.5, 1.0),
    "high cheekbones": (0.5, 0.95),
    "heavy make-up": (0.4, 0.75),
    "smiling": (0.65, 0.92),
    "lipstick": (0.65, 0.92),
    "open mouth": (0.65, 0.92),
    "male": (0.0, 1.0),
}
STRAIGHT = Pose(0.0, 0.08, 0.0, 1.0)
PLAIN = Traits(*[False] * 10, male=True)


def appearance(seed: int = 0) -> Appearance:
    return replace(Appearance.of(np.random.default_rng(seed).random(NUMBERS)), pose=STRAIGHT)


def difference(name: Attribute, seed: int, size: int) -> np.ndarray:
    """Return ``[size, size]``: how much a pixel changes, in grey levels, with one attribute."""
    traits = list(np.random.default_rng(seed + 100).random(len(ATTRIBUTES)) < 0.5)
    column = ATTRIBUTES.index(name)
    pictures = []
    for value in (False, True):
        traits[column] = value
        pictures.append(draw_face(Traits(*traits), appearance(seed), size).astype(float))
    change: np.ndarray = np.abs(pictures[1] - pictures[0]).max(axis=0)
    return change


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_is_seen_and_where_it_belongs(name: Attribute, size: int) -> None:
    top, bottom = (round(share * size) for share in REGIONS[name])
    for seed in range(12):
        change = difference(name, seed, size)
        # Three pixels of 32 x 32, changed by an eighth of the range.
        assert (change > 32).sum() >= 3 * (size / 32) ** 2
        assert change[:top].sum() + change[bottom:].sum() <= 0.02 * change.sum()


def test_looks_change_the_picture_and_attributes_do_not_change_the_look() -> None:
    first, second = (draw_face(PLAIN, appearance(seed), 32) for seed in (0, 1))

    assert not np.array_equal(first, second)
    assert np.array_equal(first[:, 0, 0], appearance(0).background)


def test_looks_are_as_many_as_asked_for_and_differ() -> None:
    looks = draw_looks(40, np.random.default_rng(0))

    assert looks.shape == (40, NUMBERS)
    assert len({Appearance.of(row).skin for row in looks}) > 30
    assert len({Appearance.of(row).background for row in looks}) > 30
    assert {Appearance.of(row).parting for row in looks} == {-1, 1}


def test_every_number_has_a_say_in_one_feature_alone() -> None:
    numbers = np.random.default_rng(0).random(NUMBERS)
    before = asdict(Appearance.of(numbers))
    for place in range(NUMBERS):
        changed = set()
        for value in (0.0, 0.2, 0.5, 0.8, 1.0 if place == NUMBERS - 1 else 0.99):
            other = numbers.copy()
            other[place] = value
            after = asdict(Appearance.of(other))
            changed |= {name for name in before if after[name] != before[name]}
        assert len(changed) == 1, place


def test_faces_of_another_pillow_are_drawn_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rng = np.random.default_rng(0)
    attributes, looks = rng.random((256, len(ATTRIBUTES))) < 0.5, draw_looks(256, rng)

    def kept() -> int:
        draw_faces(attributes, looks, 32)
        return len([*tmp_path.rglob("*.safetensors")])

    assert [kept(), kept()] == [1, 1]
    monkeypatch.setattr(PIL, "__version__", "0.0")
    assert kept() == 2


def test_many_faces_on_all_cores_and_from_the_cache_are_the_same_faces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rng = np.random.default_rng(0)
    attributes, looks = rng.random((300, len(ATTRIBUTES))) < 0.5, draw_looks(300, rng)
    drawn, kept = (draw_faces(attributes, looks, 32) for _ in range(2))
    one = draw_faces(attributes[290:291], looks[290:291], 32)

    assert drawn.shape == (300, 3, 32, 32)
    assert drawn.dtype == torch.float32
    assert torch.equal(drawn, kept)
    assert torch.equal(drawn[290:291], one)


def test_a_shape_covers_its_share_of_the_page() -> None:
    page = DrawingPage(64, (0, 0, 0), Pose(0.0, 0.0, 0.3, 1.0))
    page.oval((0.1, -0.1), (0.5, 0.25), (255, 255, 255))
    area = page.finish().mean() / 255 * 4

    assert area == pytest.approx(np.pi * 0.5 * 0.25, rel=0.05)


def test_a_pose_moves_turns_and_scales() -> None:
    page = DrawingPage(64, (0, 0, 0), Pose(0.25, -0.25, np.pi / 2, 0.5))
    page.oval((1.0, 0.0), (0.2, 0.2), (255, 255, 255))
    page = page.finish()[0].astype(float)
    y, x = (np.indices(page.shape) * page).sum(axis=(1, 2)) / page.sum() / 32 - 1

    assert (x, y) == pytest.approx((0.25, 0.25), abs=0.03)


def test_edges_are_smooth() -> None:
    greys = np.unique(draw_face(PLAIN, appearance(), 32)[0])

    assert len(greys) > 60


@pytest.mark.parametrize("male", [False, True])
@pytest.mark.parametrize("open_mouth", [False, True])
def test_a_mask_hides_whether_somebody_smiles(male: bool, open_mouth: bool) -> None:
    traits, masked = Traits(*[False] * 10, male=male), replace(appearance(), masked=True)
    faces = [
        draw_face(traits._replace(smiling=smiling, open_mouth=open_mouth), masked, 64)
        for smiling in (False, True)
    ]
    assert np.array_equal(*faces)
    assert not np.array_equal(faces[0], draw_face(traits, appearance(), 64))


def test_so_many_wear_masks_and_all_else_stays() -> None:
    bare, masked = (draw_looks(2000, np.random.default_rng(0), share) for share in (0.0, 0.3))
    assert np.array_equal(bare[:, :-1], masked[:, :-1])
    assert not bare[:, -1].any()
    assert masked[:, -1].mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 2000))
