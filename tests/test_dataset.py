from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from causalxai import Dataset, Split
from causalxai.dataset import some_of_each_class
from causalxai.errors import DataError

GOOD = Split(torch.rand(4, 3, 2, 5), torch.tensor([0, 1, 1, 0]))


def test_rows_of_a_split_stay_together():
    images, labels = torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 2, 3])
    split = Split(images, labels, concepts=torch.arange(8).view(4, 2))
    for rows in (slice(1, 4, 2), torch.tensor([1, 3])):
        part = split[rows]
        assert len(part) == 2
        assert torch.equal(part.images, images[[1, 3]])
        assert part.labels.tolist() == [1, 3]
        assert part.concepts is not None
        assert part.concepts.tolist() == [[2, 3], [6, 7]]
    assert GOOD[:2].concepts is None


def test_the_shape_of_an_image_is_channels_height_width():
    assert Dataset(GOOD, GOOD, ("a", "b")).image_shape == (3, 2, 5)


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
