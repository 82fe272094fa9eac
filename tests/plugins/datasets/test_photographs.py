from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_datasets import photographs
from causalxai_datasets.image_folder import ImageFolder
from causalxai_datasets.photographs import PHOTOGRAPHS, Photograph, Photographs


def test_each_photograph_is_a_test_image_and_its_other_views_are_training_images() -> None:
    data = Photographs(size=64, views=3).load(rng=torch_generator(0))

    assert data.image_shape == (3, 64, 64)
    assert data.class_names[:3] == ("tabby", "espresso", "tripod")
    assert data.test.labels.tolist() == list(range(7))
    assert data.train.labels.bincount().tolist() == [3] * 7
    assert data.test.groups is not None
    assert data.train.groups is not None
    assert torch.equal(data.test.groups, data.test.labels)
    assert torch.equal(data.train.groups, data.train.labels)


def test_the_test_image_is_the_middle_as_an_image_folder_reads_it(tmp_path: Path) -> None:
    for photograph in PHOTOGRAPHS[:2]:
        folder = tmp_path / photograph.label
        folder.mkdir()
        for number in range(2):
            with Image.open(photograph.file()) as image:
                image.save(folder / f"{number}.png")
    own = ImageFolder(path=tmp_path, size=48).load(rng=torch_generator(0))
    data = Photographs(size=48, views=1).load(rng=torch_generator(0))

    for photograph, image in zip(PHOTOGRAPHS[:2], data.test.images, strict=False):
        row = int((own.test.labels == own.class_names.index(photograph.label)).nonzero()[0])
        assert torch.equal(own.test[row : row + 1].images[0], image)


def test_the_seed_decides_the_other_views_alone() -> None:
    first, again, other = (
        Photographs(size=32, views=2).load(rng=torch_generator(seed)) for seed in (0, 0, 1)
    )

    assert torch.equal(first.train.images, again.train.images)
    assert not torch.equal(first.train.images, other.train.images)
    assert torch.equal(first.test.images, other.test.images)
    assert not torch.equal(first.train.images[0], first.train.images[1])


def test_a_folder_of_ones_own_is_read_like_an_image_folder(tmp_path: Path) -> None:
    for name in ("tabby", "espresso"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (50, 40), (40 * number, 0, 0)).save(tmp_path / name / f"{number}.png")
    source, folder = Photographs(path=tmp_path, size=16), ImageFolder(path=tmp_path, size=16)
    found, expected = (each.load(rng=torch_generator(0)) for each in (source, folder))

    assert found.class_names == ("espresso", "tabby")
    assert torch.equal(found.test.labels, expected.test.labels)
    assert torch.equal(found.test[:].images[:], expected.test[:].images[:])
    assert source.fingerprint() == folder.fingerprint() != Photographs().fingerprint()
    assert "path" not in source.portable_config()


@pytest.mark.parametrize("package", ["skimage", "no_such_package"])
def test_a_package_without_its_photograph_is_told(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Photograph("tabby", package, "data/gone.png")
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", (lost, *PHOTOGRAPHS[1:]))

    with pytest.raises(DataError, match=rf"{package} is without .*data/gone.png.* `path`"):
        Photographs().load(rng=torch_generator(0))
