from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import nn

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Check, checks_for
from causalxai_datasets.celeba import GLANCE_ATTRIBUTES, CelebA

ATTRIBUTES = (*GLANCE_ATTRIBUTES, "Male")
COUNT = 40
# Every fifth image is for the test, every fifth for validation.
PARTS = [{3: 1, 4: 2}.get(row % 5, 0) for row in range(COUNT)]


def name_of(row: int) -> str:
    return f"{row + 1:06d}.jpg"


def values() -> np.ndarray:
    """Return ``[40, 11]`` attributes."""
    return np.random.default_rng(1).random((COUNT, len(ATTRIBUTES))) < 0.5


def write_list(folder: Path, rows: np.ndarray) -> None:
    lines = [str(len(rows)), " ".join(ATTRIBUTES) + " "]
    for number, row in enumerate(rows):
        cells = " ".join(f"{1 if value else -1:2d}" for value in row)
        lines.append(f"{name_of(number)} {cells}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")


def write_celeba(folder: Path, *, partition: bool = True) -> Path:
    """Write images whose grey value is three times their row; above and below they are white."""
    (folder / "img_align_celeba").mkdir(parents=True)
    write_list(folder, values())
    if partition:
        lines = (f"{name_of(row)} {part}\n" for row, part in enumerate(PARTS))
        (folder / "list_eval_partition.txt").write_text("".join(lines))
    for row in range(COUNT):
        pixels = np.full((218, 178, 3), 255, np.uint8)
        pixels[16:208] = 3 * row
        Image.fromarray(pixels).save(folder / "img_align_celeba" / name_of(row), quality=95)
    return folder


def pack(folder: Path) -> Path:
    """Put the images into a zip, as they are published."""
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        archive.mkdir("img_align_celeba")
        for file in sorted((folder / "img_align_celeba").iterdir()):
            archive.write(file, f"img_align_celeba/{file.name}")
            file.unlink()
    (folder / "img_align_celeba").rmdir()
    return folder


@pytest.fixture(params=["folder", "zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = write_celeba(tmp_path / "celeba")
    return pack(folder) if request.param == "zip" else folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_celeba(tmp_path / "celeba")


def load(path: Path, seed: int = 0, **settings: Any) -> Dataset:
    return CelebA(path=path, **settings).load(rng=torch_generator(seed))


def rows_of(images: torch.Tensor) -> list[int]:
    """Return which images they are, by their grey in the middle."""
    return (images[:, :, 32, 32].mean(dim=1) * 255 / 3).round().int().tolist()


def test_parts_attributes_and_crops_are_those_of_the_files(path: Path) -> None:
    data = load(path)
    train = [row for row in range(COUNT) if PARTS[row] == 0]
    columns = [ATTRIBUTES.index(name) for name in data.concept_names]

    assert data.class_names == ("not Smiling", "Smiling")
    assert data.concept_names == tuple(name for name in GLANCE_ATTRIBUTES if name != "Smiling")
    assert data.image_shape == (3, 64, 64)
    assert rows_of(data.train.images) == train
    assert rows_of(data.test.images) == [row for row in range(COUNT) if PARTS[row] == 2]
    assert data.train.labels.tolist() == values()[train, ATTRIBUTES.index("Smiling")].tolist()
    assert data.train.concepts is not None
    assert np.array_equal(data.train.concepts.numpy(), values()[np.ix_(train, columns)])
    assert data.graph is None
    assert data.reference is None


def test_the_middle_square_fills_the_image(folder: Path) -> None:
    image = load(folder, size=128, limit=10).train.images[2]

    assert image.shape == (3, 128, 128)
    assert float(image.max() - image.min()) < 0.05


def test_only_what_is_chosen_is_read(folder: Path) -> None:
    chosen = load(folder, limit=6, test_limit=2)
    wanted = [*(row for row in range(COUNT) if PARTS[row] == 0)][:6]
    assert rows_of(chosen.train.images) == wanted
    assert len(chosen.test) == 2
    for row in range(15, COUNT):
        (folder / "img_align_celeba" / name_of(row)).write_bytes(b"no image")

    assert torch.equal(load(folder, limit=6, test_limit=2).train.images, chosen.train.images)


def test_task_and_concepts_are_the_users_choice(folder: Path) -> None:
    data = load(folder, task="Male", concepts=("Male", "Young"))

    assert data.class_names == ("not Male", "Male")
    assert data.train.concepts is not None
    assert torch.equal(data.train.concepts[:, 0].long(), data.train.labels)


def test_without_a_partition_the_seed_holds_a_tenth_of_each_class_out(tmp_path: Path) -> None:
    folder = write_celeba(tmp_path / "celeba", partition=False)
    first, again, other = (load(folder, seed) for seed in (0, 0, 1))

    assert len(first.train) + len(first.test) == COUNT
    assert len(first.test) == 4
    assert torch.equal(first.test.images, again.test.images)
    assert not torch.equal(first.test.images, other.test.images)


def test_without_a_partition_it_is_told_that_people_are_in_both_parts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_celeba(tmp_path / "celeba")
    load(folder)
    assert not caplog.records
    (folder / "list_eval_partition.txt").unlink()
    load(folder)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "list_eval_partition.txt: not found" in record.getMessage()
    assert "show people who are also in the training images" in record.getMessage()


def test_balance_draws_as_many_of_each_of_the_four_cells(folder: Path) -> None:
    data = load(folder, balance="Male", concepts=("Male",))
    assert data.reference is not None
    assert data.reference.concepts is not None
    assert data.train.concepts is not None

    def cells(labels: torch.Tensor, concepts: torch.Tensor) -> list[int]:
        return (2 * labels + concepts[:, 0].long()).bincount(minlength=4).tolist()

    least = min(cells(data.train.labels, data.train.concepts))
    assert least > 0
    assert cells(data.reference.labels, data.reference.concepts) == [least] * 4
    rows = rows_of(data.reference.images)
    assert rows == sorted(set(rows))
    assert set(rows) <= set(rows_of(data.train.images))


def test_what_cannot_be_balanced_is_told(folder: Path) -> None:
    rows = values()
    rows[:, ATTRIBUTES.index("Male")] = True
    write_list(folder, rows)

    with pytest.raises(DataError, match=r"Smiling and Male cannot be balanced.*of 24 training"):
        load(folder, balance="Male")


def test_missing_images_are_named_and_counted(path: Path) -> None:
    rows = np.concatenate([values(), values()[:8]])
    write_list(path, rows)
    lines = (f"{name_of(row)} {row % 2 * 2}\n" for row in range(48))
    (path / "list_eval_partition.txt").write_text("".join(lines))

    with pytest.raises(
        DataError, match=r"celeba.*: 8 images are missing: 000041.jpg, .* and 3 more"
    ):
        load(path)


def test_broken_images_are_named(folder: Path) -> None:
    images = folder / "img_align_celeba"
    for row in (1, 2):
        damaged = images / name_of(row)
        damaged.write_bytes(damaged.read_bytes()[:300])

    with pytest.raises(DataError, match=r"2 images are broken: 000002.jpg, 000003.jpg$"):
        load(folder)


def test_a_broken_image_in_a_zip_is_named(folder: Path) -> None:
    (folder / "img_align_celeba" / name_of(0)).write_bytes(b"no image")
    with pytest.raises(DataError, match=r"1 image is broken: 000001.jpg$"):
        load(pack(folder))

    (folder / "img_align_celeba.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"img_align_celeba.zip: cannot be read as a zip"):
        load(folder)


def test_an_encrypted_zip_is_told(folder: Path) -> None:
    packed = pack(folder) / "img_align_celeba.zip"
    content = bytearray(packed.read_bytes())
    # The flag of the first image, in its own header and in the directory.
    name = name_of(2).encode()
    header, entry = content.index(name), content.rindex(name)
    content[content.rindex(b"PK\x03\x04", 0, header) + 6] |= 1
    content[content.rindex(b"PK\x01\x02", 0, entry) + 8] |= 1
    packed.write_bytes(content)

    message = r"celeba.zip: 1 image is encrypted; pack .* without a password: 000003.jpg$"
    with pytest.raises(DataError, match=message):
        load(folder)
    with pytest.raises(DataError, match=message):
        CelebA(path=folder).fingerprint()


def test_a_broken_link_is_told(folder: Path) -> None:
    image = folder / "img_align_celeba" / name_of(4)
    image.unlink()
    image.symlink_to(folder / "nowhere.jpg")

    with pytest.raises(DataError, match=r"000005.jpg: cannot be read: No such file"):
        CelebA(path=folder).fingerprint()
    with pytest.raises(DataError, match=r"000005.jpg: cannot be read: No such file"):
        load(folder)


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"list_attr_celeba.txt: cannot be read"):
        load(tmp_path)
    write_list(tmp_path, values())
    with pytest.raises(DataError, match=r"has neither img_align_celeba/ nor img_align_celeba.zip"):
        load(tmp_path)


@pytest.mark.parametrize(
    "settings", [{"task": "Smilling"}, {"concepts": ("Smilling",)}, {"balance": "Smilling"}]
)
def test_an_unknown_attribute_is_told_with_its_neighbour(
    folder: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match=r"no attribute 'Smilling'; did you mean 'Smiling'"):
        load(folder, **{"task": "Young", **settings})


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "40 images", "1: must be the number of images"),
        (1, "\N{SUPERSCRIPT TWO}", "1: must be the number of images"),
        (1, "39", "1: promises 39 images, but 40 follow"),
        (7, "000005.jpg 1 -1", "7: 2 values for 11 attributes"),
        (7, "000005.jpg" + " 1" * 10 + " 0", "7: '0' is neither 1 nor -1"),
        (7, "000004.jpg" + " 1" * 11, "7: '000004.jpg' is repeated"),
        (7, "", "7: 0 values for 11 attributes"),
    ],
)
def test_a_malformed_line_is_told(folder: Path, line: int, text: str, message: str) -> None:
    path = folder / "list_attr_celeba.txt"
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines))

    with pytest.raises(DataError, match=f"list_attr_celeba.txt:{message}"):
        load(folder)


def test_a_malformed_partition_is_told(folder: Path) -> None:
    path = folder / "list_eval_partition.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(DataError, match=r"list_eval_partition.txt: 1 image is missing: 000040.jpg"):
        load(folder)

    path.write_text("\n".join([lines[0], "000002.jpg 3", *lines[2:]]))
    with pytest.raises(DataError, match=r"partition.txt:2: '000002.jpg 3' is not an image"):
        load(folder)


def test_a_class_without_images_is_told(folder: Path) -> None:
    rows = values()
    rows[:, ATTRIBUTES.index("Smiling")] = False
    write_list(folder, rows)

    with pytest.raises(DataError, match="none of 24 training images is with Smiling"):
        load(folder)


def test_the_fingerprint_follows_lists_and_images(path: Path) -> None:
    source = CelebA(path=path)
    found = [source.fingerprint(), source.fingerprint()]
    (path / "list_eval_partition.txt").unlink()
    found.append(source.fingerprint())
    if (path / "img_align_celeba").is_dir():
        (path / "img_align_celeba" / name_of(3)).unlink()
    else:
        with zipfile.ZipFile(path / "img_align_celeba.zip", "a") as archive:
            archive.writestr("img_align_celeba/new.jpg", b"")
    found.append(source.fingerprint())

    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_the_portable_config_has_no_path(folder: Path) -> None:
    assert "path" not in CelebA(path=folder).portable_config()


@pytest.mark.parametrize(
    "wrong",
    [{"size": 100}, {"balance": "Smiling"}, {"concepts": ("Male", "Male")}, {"concepts": ()}],
)
def test_wrong_settings_are_refused(folder: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CelebA(path=folder, **wrong)


def bench(folder: Path) -> Bench[Plugin]:
    source = CelebA(path=folder, limit=8, test_limit=2)
    data = source.load(rng=torch_generator(0))
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 2))
    classifier = Classifier(model, class_names=data.class_names, image_shape=data.image_shape)
    inputs = ScoringInputs(classifier=classifier, dataset=data, rng=torch_generator(0))
    return Bench(plugin=source, inputs=inputs, images=data.test.images)


@pytest.mark.parametrize("check", checks_for(CelebA), ids=lambda check: check.__name__)
def test_celeba_keeps_the_promises_of_plugins(check: Check, folder: Path) -> None:
    check(bench(folder))
