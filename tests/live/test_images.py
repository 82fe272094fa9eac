"""Images that the caller gives to be explained."""

from __future__ import annotations

import pytest
import torch

from causalxai import Dataset, Split
from causalxai.errors import DataError
from causalxai.live.images import GivenImages, given_images

IMAGES = torch.linspace(0, 1, 16).reshape(4, 1, 2, 2)


def test_a_split_and_its_images_have_one_digest() -> None:
    labels = torch.arange(4)
    split, tensor = given_images(Split(IMAGES, labels)), given_images(IMAGES)
    assert split.digest == tensor.digest
    assert split.labels is labels
    assert tensor.labels is None
    assert given_images(IMAGES.double()).need().dtype == torch.float32
    assert given_images(IMAGES.flip(0)).digest != tensor.digest


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "should be a Split or a tensor .*, not a int"),
        (IMAGES[0], r"with n of at least 1, not \[1, 2, 2\]; of one image take image\[None\]"),
        (IMAGES[:0], r"with n of at least 1, not \[0, 1, 2, 2\]"),
        ((IMAGES * 255).to(torch.uint8), r"should be floats in \[0, 1\], not torch.uint8"),
        (IMAGES * 255, r"should lie in \[0, 1\], not in \[0, 255\]"),
        (IMAGES * float("nan"), r"should lie in \[0, 1\]"),
    ],
)
def test_what_is_no_images_is_refused(given: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        given_images(given)


def test_the_shape_is_that_of_the_data_set() -> None:
    split = Split(IMAGES, torch.zeros(4, dtype=torch.int64))
    data = Dataset(split, split, ("a",))
    given_images(IMAGES).check(data)
    with pytest.raises(DataError, match=r"have the shape \[1, 1, 4\], but .* have \[1, 2, 2\]"):
        given_images(IMAGES.reshape(4, 1, 1, 4)).check(data)


def test_images_of_a_run_that_is_read_from_its_folder_are_not_there() -> None:
    with pytest.raises(DataError, match="not stored any more"):
        GivenImages("digest").need()
