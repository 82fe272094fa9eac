from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch

from causalxai.errors import DataError
from causalxai.image_data.tensors import images_of, parts_of_tensors
from causalxai.seeding import torch_generator

IMAGES = torch.rand(4, 3, 5, 6)
LABELS = torch.tensor([0, 1, 1, 0])


def parts(images: Any, labels: Any = LABELS, *more: Any, names: Any = ("cat", "dog")) -> Any:
    return parts_of_tensors((images, labels, *more), None, names, ("age",), 0.5, torch_generator(0))


@pytest.mark.parametrize(
    "given",
    [
        IMAGES.double(),
        IMAGES.numpy(),
        IMAGES.permute(0, 2, 3, 1),
        list(IMAGES),
        [image.numpy() for image in IMAGES.permute(0, 2, 3, 1)],
    ],
    ids=["double", "array", "channels last", "list", "list of arrays"],
)
def test_images_of_any_kind_become_one_tensor(given: Any):
    found = images_of(given, "images")
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, IMAGES)


def test_bytes_are_scaled_and_the_log_says_so(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    found = images_of(np.full((2, 5, 6, 3), 51, np.uint8), "images")
    torch.testing.assert_close(found, torch.full((2, 3, 5, 6), 0.2))
    assert "images are bytes and are divided by 255" in caplog.text
    assert "channels come last and are moved to the front" in caplog.text


def test_labels_may_be_names_or_whole_numbers_of_any_type():
    for labels in (["cat", "dog", "dog", "cat"], [0, 1, 1, 0], LABELS.double(), LABELS.bool()):
        found = parts(IMAGES, labels)
        both = torch.cat([found.train.labels, found.test.labels])
        assert both.dtype == torch.int64
        assert both.sort().values.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(4, 5, 6), r"not \[4, 5, 6\]; of grey images add the channel: images\[:, None"),
        (torch.zeros(4, 7, 5, 6), r"one or three channels, .* and these are \[4, 7, 5, 6\]"),
        (torch.zeros(4, 3, 5, 6, dtype=torch.int64), "floats in .*, or bytes .* not torch.int64"),
        (IMAGES * 255, r"not in \[.*\]; divide them by the value of white, such as 255"),
        (IMAGES - 0.5, r"before they are standardised; the classifier does that, with mean"),
        (
            [IMAGES[0], IMAGES[1, :, 1:]],
            r"image 1 is \[3, 4, 6\], the first one \[3, 5, 6\]; resize",
        ),
        (IMAGES[:3], "there are 3 images, 4 labels; their numbers must be the same"),
    ],
    ids=["grey", "channels", "integers", "255", "standardised", "sizes", "count"],
)
def test_images_that_are_none_are_refused_in_words(images: Any, message: str):
    with pytest.raises(DataError, match=f"^images: .*{message}"):
        parts(images)


def test_an_image_with_nan_is_named():
    images = IMAGES.clone()
    images[2, 0, 1, 1] = torch.nan
    with pytest.raises(DataError, match=r"^images: image 2 has values that are not numbers"):
        parts(images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 3], r"from 0 to 1, for 2 class names, and that of image 2 is 2 \(2 of 4 are"),
        ([0, -1, 1, 1], "that of image 1 is -1"),
        ([0, 0.5, 1, 1], "class indices .* or names of classes"),
        ([0, np.nan, 1, 1], "class indices .* or names of classes"),
        (torch.eye(4)[:, :2], r"not \[4, 2\]; of one row for each image take labels.argmax\(1\)"),
        (["cat", "dog", "dgo", "cat"], "'dgo' is not one of class_names; did you mean 'dog'"),
    ],
    ids=["high", "negative", "fraction", "nan", "one-hot", "name"],
)
def test_labels_that_are_none_are_refused_in_words(labels: Any, message: str):
    with pytest.raises(DataError, match=f"^images: .*{message}"):
        parts(IMAGES, labels)


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        (torch.zeros(4), r"\[n, m\], a row for each image, not \[4\]"),
        ([[1], [2], [float("nan")], [3]], "concept 0 of image 2 is nan"),
        (torch.zeros(3, 1), "4 images, 4 labels, 3 rows of concepts"),
        ([["old"], ["young"], ["old"], ["old"]], "concepts must be a table of numbers"),
    ],
    ids=["flat", "nan", "count", "text"],
)
def test_concepts_that_are_none_are_refused_in_words(concepts: Any, message: str):
    with pytest.raises(DataError, match=f"^images: .*{message}"):
        parts(IMAGES, LABELS, concepts)


def test_whole_numbers_and_truth_values_are_concepts():
    found = parts(IMAGES, LABELS, np.array([[True], [False], [True], [False]]))
    assert torch.cat([found.train.concepts, found.test.concepts]).sum() == 2


@pytest.mark.parametrize("names", [(), "cat", None])
def test_class_names_are_required(names: Any):
    with pytest.raises(DataError, match="class_names must have a name for each class"):
        parts(IMAGES, names=names)


def test_too_few_images_to_draw_from_are_told():
    with pytest.raises(DataError, match="no class has two; give the test images with test="):
        parts(IMAGES[:2], [0, 1])
