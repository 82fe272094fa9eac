"""Examples come from labels, or from the user's folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from causalxai import Dataset
from causalxai.errors import CapabilityError, DataError
from causalxai.seeding import torch_generator
from causalxai_activations.examples import (
    check_shape,
    files_of,
    labelled_examples,
    shown_examples,
)

from .conftest import SIDE


def pictures(folder: Path, count: int) -> Path:
    """Write grey pictures, each of another brightness."""
    folder.mkdir(parents=True)
    for number in range(count):
        values = np.full((SIDE, SIDE), 10 * number, np.uint8)
        Image.fromarray(values).save(folder / f"{number:02}.png")
    return folder


def test_boolean_concepts_have_as_many_images_without_as_with(shifted: Dataset):
    found = labelled_examples(shifted, "lit", 100, torch_generator(0))
    assert found.boolean and len(found.images) == 100
    assert int(found.target.sum()) == 50
    above = found.images[:, 0, : SIDE // 2].mean(dim=(1, 2))
    assert (above[found.target == 1] > above[found.target == 0].max()).all()


def test_values_are_standardised_and_unknown_ones_left_out(shifted: Dataset):
    concepts = shifted.train.concepts.clone()
    concepts[:50, 1] = float("nan")
    train = replace(shifted.train, concepts=concepts)
    found = labelled_examples(replace(shifted, train=train), "warmth", 1000, torch_generator(0))
    assert not found.boolean and len(found.images) == 250
    assert float(found.target.mean()) == pytest.approx(0, abs=1e-6)
    assert float(found.target.std(correction=0)) == pytest.approx(1)
    assert torch.equal(found.images, shifted.train.images[50:])


def test_too_few_labels_are_told(shifted: Dataset):
    few = replace(shifted, train=shifted.train[:12])
    with pytest.raises(DataError, match=r"'lit' has \d training images with it and \d without"):
        labelled_examples(few, "lit", 100, torch_generator(0))
    with pytest.raises(DataError, match="'warmth' has 12 known values"):
        labelled_examples(few, "warmth", 100, torch_generator(0))


def test_pictures_are_compared_with_random_training_images(shifted: Dataset, tmp_path: Path):
    folder = pictures(tmp_path / "bright", 14)
    files = files_of({"bright": folder})["bright"]
    assert files == sorted(folder.iterdir())
    found = shown_examples(shifted, "bright", files, 24, torch_generator(0))
    assert found.images.shape == (24, 1, SIDE, SIDE)
    assert found.target.tolist() == [1.0] * 12 + [0.0] * 12
    shown = {round(255 * float(image.mean())) // 10 for image in found.images[:12]}
    assert shown <= set(range(14)) and len(shown) == 12
    known = {image.numpy().tobytes() for image in shifted.train.images}
    assert all(image.numpy().tobytes() in known for image in found.images[12:])


def test_missing_and_nearly_empty_folders_are_told(tmp_path: Path):
    folder = pictures(tmp_path / "few", 3)
    with pytest.raises(DataError, match=r"concepts\.examples\.few: .* has 3 images; .*10") as few:
        files_of({"few": folder})
    assert few.value.setting == "concepts.examples.few"
    with pytest.raises(DataError, match="nothing: there is no such folder"):
        files_of({"few": tmp_path / "nothing"})


def test_a_file_that_is_no_image_is_told(shifted: Dataset, tmp_path: Path):
    folder = pictures(tmp_path / "broken", 10)
    (folder / "00.png").write_bytes(b"no image")
    files = files_of({"broken": folder})["broken"]
    with pytest.raises(DataError, match=r"00\.png: cannot be read as an image"):
        shown_examples(shifted, "broken", files, 100, torch_generator(0))


def test_pictures_need_square_images(dataset: Dataset):
    check_shape(dataset.image_shape)
    with pytest.raises(CapabilityError, match="3 x 12 x 11; use its labelled concepts"):
        check_shape((3, 12, 11))
