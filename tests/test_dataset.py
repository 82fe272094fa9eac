from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from causalxai import Dataset, Split
from causalxai.dataset import some_of_each_class
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_datasets.image_folder import ImageFolder

GOOD = Split(torch.rand(4, 3, 2, 5), torch.tensor([0, 1, 1, 0]))


def test_the_shape_of_an_image_is_channels_height_width():
    assert Dataset(GOOD, GOOD, ("a", "b")).image_shape == (3, 2, 5)


def test_a_data_set_is_shown_by_its_shapes():
    shapes = "train [4, 3, 2, 5], test [4, 3, 2, 5], classes: 2"
    assert repr(Dataset(GOOD, GOOD, ("a", "b"))) == f"Dataset({shapes})"
    measured = Split(GOOD.images, GOOD.labels, torch.zeros(4, 1))
    assert (
        repr(Dataset(measured, measured, ("a", "b"), ("c",))) == f"Dataset({shapes}, concepts: 1)"
    )


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(0, 1, 2, 2), torch.zeros(0), "the {} split has no image"),
        (torch.zeros(2, 2, 2), torch.zeros(2), r"{}: images must be \[n, c, h, w\] .* \[2, 2, 2\]"),
        (torch.zeros(2, 1, 2, 2), torch.zeros(3), r"{}: .* n labels, not \[2, 1, 2, 2\] with 3"),
        (torch.full((2, 1, 2, 2), 255.0), torch.zeros(2), r"{}: .* not in \[255, 255\]"),
        (torch.full((2, 1, 2, 2), -0.5), torch.zeros(2), r"{}: .* not in \[-0.5, -0.5\]"),
        (torch.full((2, 1, 2, 2), torch.nan), torch.zeros(2), r"{}: .* not in \[nan, nan\]"),
        (torch.zeros(2, 1, 2, 2), torch.tensor([0, 2]), "{}: labels must be from 0 to 1"),
        (torch.zeros(2, 1, 2, 2), torch.tensor([-1, 0]), "{}: labels must be from 0 to 1"),
    ],
    ids=["empty", "dim", "count", "bytes", "negative", "nan", "label", "negative label"],
)
@pytest.mark.parametrize("bad", ["train", "test"])
def test_a_split_that_is_no_split_is_refused_by_its_name(
    images: Tensor, labels: Tensor, message: str, bad: str
):
    splits = {"train": GOOD, "test": GOOD, bad: Split(images, labels)}
    with pytest.raises(DataError, match=message.format(bad)):
        Dataset(**splits, class_names=("a", "b"))


def test_splits_have_the_same_image_shape():
    train = Split(torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64))
    test = Split(torch.zeros(2, 1, 4, 5), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(DataError, match=r"train images are \[1, 4, 4\], test images \[1, 4, 5\]"):
        Dataset(train, test, ("a",))


def test_concepts_have_names():
    split = Split(torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64), torch.zeros(2, 3))
    with pytest.raises(DataError, match="3 concepts, but 1 names"):
        Dataset(split, split, ("a",), concept_names=("thickness",))


@pytest.mark.parametrize("name", ["a — b", "c; d", "a → b", "prediction", "<b>", "ä\nö", '"', "号"])
def test_any_printable_text_is_a_name(name: str):
    split = replace(GOOD, concepts=torch.zeros(4, 1))
    assert Dataset(split, split, ("x", name), (name,)).concept_names == (name,)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", ""), "names must not be blank, as that of {} 1 is"),
        ((" \t", "b"), "names must not be blank, as that of {} 0 is"),
        (("a", "a"), "names must be unique; 'a' occurs more than once"),
        (("a\0", "b"), r"name 'a\\x00' has the character '\\x00', which no text can show"),
        (("a", "\x1b[2J"), r"the {} name '\\x1b\[2J' has the character '\\x1b'"),
        (("a", "b\ud800"), r"the {} name 'b\\ud800' has the character"),
    ],
    ids=["empty", "blank", "twice", "nul", "escape", "surrogate"],
)
@pytest.mark.parametrize("kind", ["concept", "class"])
def test_names_are_different_and_printable(names: tuple[str, ...], message: str, kind: str):
    split = replace(GOOD, concepts=torch.zeros(4, 2))
    given = {"class_names": ("x", "y"), "concept_names": ("c", "d"), f"{kind}_names": names}
    with pytest.raises(DataError, match=message.format(kind)):
        Dataset(split, split, **given)


@pytest.mark.parametrize("kind", ["concepts", "set_concepts"])
@pytest.mark.parametrize("bad", ["train", "test", "reference"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (torch.zeros(4), r"\[n, m\] with a row for each of 4 images, not \[4\]"),
        (torch.zeros(3, 1), r"a row for each of 4 images, not \[3, 1\]"),
        (torch.zeros(4, 1, dtype=torch.int64), "floats, not torch.int64"),
        (torch.zeros(4, 1, dtype=torch.bool), "floats, not torch.bool"),
    ],
    ids=["flat", "rows", "integers", "truth values"],
)
def test_concepts_are_a_table_of_floats(kind: str, bad: str, values: Tensor, message: str):
    splits = {"train": GOOD, "test": GOOD, bad: replace(GOOD, **{kind: values})}
    with pytest.raises(DataError, match=f"^{bad}: {kind} must be .*{message}"):
        Dataset(**splits, class_names=("a", "b"), concept_names=("thickness",))


def test_values_that_were_set_have_names_too():
    split = replace(GOOD, set_concepts=torch.zeros(4, 2))
    with pytest.raises(DataError, match="test: 2 set_concepts, but 1 names"):
        Dataset(GOOD, split, ("a", "b"), concept_names=("thickness",))


def test_concept_names_are_unique():
    with pytest.raises(DataError, match="'slant' occurs more than once"):
        Dataset(GOOD, GOOD, ("a", "b"), concept_names=("width", "slant", "slant"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("width", [0, 1])
def test_tables_of_floats_are_taken(dtype: torch.dtype, width: int):
    values = torch.full((4, width), torch.nan, dtype=dtype)
    split = replace(GOOD, concepts=values, set_concepts=values)
    assert Dataset(split, split, ("a", "b"), concept_names=("thickness",)).train is split


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(1, 8), st.data())
def test_classes_take_turns(target: list[int], most: int, data: st.DataObject):
    among = data.draw(st.none() | st.sets(st.integers(0, len(target) - 1)))
    found = some_of_each_class(torch.tensor(target), most, among)
    allowed = set(range(len(target))) if among is None else among
    assert set(found) <= allowed
    assert len(found) == len(set(found)) == min(most, len(allowed))
    assert found == sorted(found, key=lambda image: (target[image], image))
    # A class has fewer than another by two or more only if it has no more.
    shown = {klass: sum(target[image] == klass for image in found) for klass in set(target)}
    there = {klass: sum(target[image] == klass for image in allowed) for klass in set(target)}
    assert all(
        shown[one] >= shown[other] - 1 or shown[one] == there[one]
        for one in shown
        for other in shown
    )


def test_a_folder_is_read_as_a_spec_of_the_same_seed_reads_it(tmp_path: Path):
    for row in range(8):
        for name in ("red", "green"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (6, 6), (30 * row, 0, 0)).save(tmp_path / name / f"{row}.png")
    data = Dataset.from_folder(tmp_path, size=4, test_fraction=0.5, seed=3)
    spec = ImageFolder(path=tmp_path, size=4, test_fraction=0.5)
    expected = spec.load(rng=torch_generator(3, "dataset"))
    assert data.class_names == ("green", "red")
    assert torch.equal(data.test.images, expected.test.images)
    assert torch.equal(data.test.labels, expected.test.labels)


def test_whether_the_test_images_were_held_out_is_known_only_if_it_was_told(tmp_path: Path):
    for part in ("train/a/0.png", "train/b/0.png", "test/a/1.png", "test/b/1.png"):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (6, 6), 9).save(tmp_path / part)
    assert Dataset.from_folder(tmp_path, size=4).held_out is True
    assert Dataset.from_folder(tmp_path, size=4, held_out=False).held_out is False
    shutil.copytree(tmp_path / "test" / "b", tmp_path / "train" / "b", dirs_exist_ok=True)
    shutil.copytree(tmp_path / "test" / "a", tmp_path / "train" / "a", dirs_exist_ok=True)
    assert Dataset.from_folder(tmp_path / "train", size=4).held_out is None
    assert Dataset(GOOD, GOOD, ("a", "b")).held_out is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size: .* greater than or equal to 1"),
        ({"background": "pinkish"}, "background: "),
        ({"fit": "squeeze"}, "fit: .*'crop', 'pad' or 'stretch'"),
        ({"test_fraction": 1.0}, "test_fraction: "),
    ],
)
def test_settings_of_a_folder_are_checked(tmp_path: Path, settings: dict[str, Any], message: str):
    with pytest.raises(DataError, match=message):
        Dataset.from_folder(tmp_path, **settings)


def test_tensors_are_divided_by_class_or_as_they_are_given():
    images, labels = torch.rand(40, 3, 4, 4), torch.arange(40) % 2
    data = Dataset.from_tensors(images, labels, class_names=["a", "b"], test_fraction=0.25)
    assert data.held_out is None
    assert data.test.labels.bincount().tolist() == [5, 5]
    both = torch.cat([data.train.images, data.test.images]).flatten(1)
    assert torch.equal(both.sort(dim=0).values, images.flatten(1).sort(dim=0).values)
    again = Dataset.from_tensors(images, labels, class_names=["a", "b"], seed=1)
    assert not torch.equal(again.test.images, data.test.images)

    told = Dataset.from_tensors(
        images, labels, class_names=["a", "b"], test=(images[:2], labels[:2])
    )
    assert told.held_out is True
    assert torch.equal(told.train.images, images)
    assert torch.equal(told.test.images, images[:2])
