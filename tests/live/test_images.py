"""Images that the caller gives to be explained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from causalxai import Dataset, Split
from causalxai.errors import DataError
from causalxai.live.images import GivenImages, Target, given_images

IMAGES = torch.linspace(0, 1, 16).reshape(4, 1, 2, 2)


def test_a_split_and_its_images_have_one_digest() -> None:
    labels = torch.arange(4)
    split, tensor = given_images(Split(IMAGES, labels)), given_images(IMAGES)
    assert split.digest == tensor.digest
    assert split.labels is labels
    assert tensor.labels is None
    assert given_images(IMAGES.double()).need().dtype == torch.float32
    assert given_images(IMAGES.flip(0)).digest != tensor.digest


BYTES = (IMAGES * 255).round().to(torch.uint8)
ROUNDED = BYTES.float() / 255


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (IMAGES.numpy(), IMAGES),
        (IMAGES.permute(0, 2, 3, 1).numpy(), IMAGES),
        (list(IMAGES), IMAGES),
        (list(IMAGES.double().numpy()), IMAGES),
        (BYTES, ROUNDED),
        (BYTES.permute(0, 2, 3, 1).numpy(), ROUNDED),
        ([Image.fromarray(image[0].numpy()) for image in BYTES], ROUNDED),
        (Image.fromarray(BYTES[3, 0].numpy()), ROUNDED[3:]),
        (
            Image.fromarray(BYTES[3].expand(3, 2, 2).permute(1, 2, 0).numpy()),
            ROUNDED[3:].expand(-1, 3, -1, -1),
        ),
        (IMAGES.expand(4, 2, 2, 2), IMAGES.expand(4, 2, 2, 2)),
    ],
)
def test_arrays_and_pictures_are_images_too(given: object, expected: torch.Tensor) -> None:
    found = given_images(given)
    torch.testing.assert_close(found.need(), expected)
    assert found.need().dtype == torch.float32


@pytest.mark.parametrize("target", [None, 2, "b", (0, 1, 1, 0), ("a", "b", "b", "a")])
def test_the_class_to_explain_is_kept_in_a_file(target: Target) -> None:
    given = given_images(IMAGES, target)
    data = json.loads(json.dumps(given.to_data()))
    assert set(data) == ({"digest"} if target is None else {"digest", "target"})
    again = GivenImages.from_data(data)
    assert (again.digest, again.target) == (given.digest, target)


def test_classes_may_come_as_arrays() -> None:
    assert given_images(IMAGES, torch.tensor([0, 1, 1, 0])).target == (0, 1, 1, 0)
    assert given_images(IMAGES, np.int64(1)).target == 1
    for target in (0.5, True, [None], object()):
        with pytest.raises(DataError, match="target should be a class's index or name"):
            given_images(IMAGES, target)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "should be a Split, a tensor or an array .*, not a int"),
        ("photo.png", "not a str; read files with Dataset.from_folder"),
        (["photo.png"], "not a list with a str"),
        ([IMAGES[0], IMAGES[0, :, :1]], r"one size, not \[1, 1, 2\] and \[1, 2, 2\]"),
        (Image.new("RGBA", (2, 2)), r"PIL's mode RGBA: convert it, image.convert\('RGB'\)"),
        ([], "with n of at least 1"),
        (IMAGES[0], r"with n of at least 1, not \[1, 2, 2\]; of one image take image\[None\]"),
        (IMAGES[:, 0].numpy(), r"of grey images without channels images\[:, None\]"),
        (IMAGES[:0], r"with n of at least 1, not \[0, 1, 2, 2\]"),
        ((IMAGES * 255).long(), r"must be floats in \[0, 1\], or bytes"),
        (IMAGES * 255, r"must lie in \[0, 1\], not in \[0, 255\]"),
        (IMAGES * float("nan"), "not numbers"),
        (IMAGES.expand(4, 2, 2, 2) * 255, r"should be floats in \[0, 1\], .* in \[0, 255\]"),
    ],
)
def test_what_is_no_images_is_refused(given: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        given_images(given)


def test_the_shape_is_that_of_the_data_set() -> None:
    split = Split(IMAGES, torch.zeros(4, dtype=torch.int64))
    data = Dataset(split, split, ("a",))
    given_images(IMAGES).check(data)
    with pytest.raises(DataError, match="target has 3 classes for 4 images"):
        given_images(IMAGES, [0, 0, 0]).check(data)
    with pytest.raises(DataError, match=r"have the shape \[1, 1, 4\], but .* have \[1, 2, 2\]"):
        given_images(IMAGES.reshape(4, 1, 1, 4)).check(data)


def test_images_of_a_run_that_is_read_from_its_folder_are_not_there() -> None:
    with pytest.raises(DataError, match="not stored any more"):
        GivenImages("digest").need()
