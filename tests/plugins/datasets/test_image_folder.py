from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.graph import CausalGraph
from causalxai.seeding import torch_generator
from causalxai_datasets.image_folder import ImageFolder

RED, GREEN = (255, 0, 0), (0, 255, 0)


def paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (12, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def write_classes(folder: Path, n: int = 4) -> Path:
    for index in range(n):
        paint(folder / "red" / f"{index}.png", (255, index, 0))
        paint(folder / "green" / f"{index}.PNG", (0, 255, index))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "images")


def test_classes_are_folders_in_alphabetical_order(folder: Path) -> None:
    (folder / ".cache").mkdir()
    (folder / "red" / "notes.txt").write_text("no image")
    (folder / "red" / "._0.png").write_text("no image either")
    data = ImageFolder(path=folder, size=8).load(rng=torch_generator(0))

    assert data.class_names == ("green", "red")
    assert data.image_shape == (3, 8, 8)
    assert (len(data.train), len(data.test)) == (6, 2)
    assert data.test.labels.tolist() == [0, 1]
    assert torch.equal(data.train.images[:, 0, 0, 0], data.train.labels.float())


def test_the_seed_decides_the_split(folder: Path) -> None:
    source = ImageFolder(path=folder, test_fraction=0.5)
    first, again, other = (source.load(rng=torch_generator(seed)).test for seed in (0, 0, 1))

    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_train_and_test_folders_are_kept_apart(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    paint(tmp_path / "test" / "red" / "9.jpg", RED)
    data = ImageFolder(path=tmp_path).load(rng=torch_generator(0))

    assert (len(data.train), len(data.test)) == (8, 1)
    assert data.test.labels.tolist() == [1]


def test_a_class_of_the_test_images_alone_is_an_error(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    paint(tmp_path / "test" / "reds" / "9.png", RED)

    with pytest.raises(DataError, match=r"no class 'reds' in .*train; did you mean 'red'"):
        ImageFolder(path=tmp_path).load(rng=torch_generator(0))


def test_the_shorter_side_is_resized_and_the_longer_one_cropped(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 255
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(2):
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    data = ImageFolder(path=tmp_path, size=10).load(rng=torch_generator(0))

    assert torch.equal(data.train.images, torch.ones(2, 3, 10, 10))


def test_grey_opaque_and_deep_images_become_what_the_config_says(tmp_path: Path) -> None:
    modes = {
        "grey": Image.new("L", (8, 8), 51),
        "deep": Image.fromarray(np.full((8, 8), 51 * 257, np.uint16)),
        "opaque": Image.new("RGBA", (8, 8), (51, 51, 51, 255)),
        "palette": Image.new("RGB", (8, 8), (51, 51, 51)).convert("P"),
    }
    for name, image in modes.items():
        for index in range(2):
            (tmp_path / name).mkdir(exist_ok=True)
            image.save(tmp_path / name / f"{index}.png")

    for channels in (1, 3):
        data = ImageFolder(path=tmp_path, size=8, channels=channels).load(rng=torch_generator(0))
        assert data.image_shape == (channels, 8, 8)
        torch.testing.assert_close(data.train.images, torch.full_like(data.train.images, 0.2))


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # Orientation: upside down.
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name, exif=exif)
    image = ImageFolder(path=tmp_path, size=8).load(rng=torch_generator(0)).train.images[0]

    assert image[:, 4:].min() == 1
    assert image[:, :4].max() == 0


def test_concepts_and_their_graph_come_along(folder: Path, tmp_path: Path) -> None:
    rows = [
        f"{c}/{i}.{suffix},{i},{k}"
        for k, (c, suffix) in enumerate([("green", "PNG"), ("red", "png")])
        for i in reversed(range(4))
    ]
    (tmp_path / "concepts.csv").write_text("\n".join(["file,index,class", *rows]))
    graph = CausalGraph(["index", "class"], [("index", "class")])
    graph.save(tmp_path / "graph.json")
    data = ImageFolder(
        path=folder, concepts=tmp_path / "concepts.csv", graph=tmp_path / "graph.json"
    ).load(rng=torch_generator(0))

    assert data.concept_names == ("index", "class")
    assert data.graph == graph
    concepts = data.train.concepts
    assert concepts is not None
    assert torch.equal(concepts[:, 1], data.train.labels.float())
    shade = torch.where(data.train.labels == 1, *data.train.images[:, [1, 2], 0, 0].unbind(1))
    torch.testing.assert_close(shade * 255, concepts[:, 0])


def test_an_image_without_concepts_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "concepts.csv").write_text("file,index\nred/0.png,0\n")

    with pytest.raises(DataError, match=r"concepts.csv: no row for the image 'green/0.PNG'"):
        ImageFolder(path=folder, concepts=tmp_path / "concepts.csv").load(rng=torch_generator(0))


def test_a_graph_over_other_concepts_is_an_error(folder: Path, tmp_path: Path) -> None:
    names = [p.relative_to(folder).as_posix() for p in folder.glob("*/*")]
    (tmp_path / "c.csv").write_text("\n".join(["file,width", *(f"{n},1" for n in names)]))
    CausalGraph(["with"]).save(tmp_path / "g.dot")

    with pytest.raises(DataError, match=r"g.dot: 'with' is not a concept of .*c.csv; did you mean"):
        ImageFolder(path=folder, concepts=tmp_path / "c.csv", graph=tmp_path / "g.dot").load(
            rng=torch_generator(0)
        )


@pytest.mark.parametrize("name", ["gone.json", "bad.json", "bad.graphml", "bad.dot", "bad.txt"])
def test_a_damaged_graph_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    if name.startswith("bad"):
        (tmp_path / name).write_text("{")

    with pytest.raises(DataError, match=f"{name}: cannot be read as a causal graph"):
        ImageFolder(path=folder, graph=tmp_path / name).load(rng=torch_generator(0))


@pytest.mark.parametrize("damage", ["truncated", "text"])
def test_a_damaged_image_is_named(folder: Path, damage: str) -> None:
    file = folder / "red" / "2.png"
    file.write_bytes(file.read_bytes()[:50] if damage == "truncated" else b"no image")

    with pytest.raises(DataError, match=r"red/2.png: cannot be read as an image"):
        ImageFolder(path=folder).load(rng=torch_generator(0))


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: there is no such folder"):
        ImageFolder(path=tmp_path / "gone").load(rng=torch_generator(0))
    with pytest.raises(DataError, match="has no class folder"):
        ImageFolder(path=tmp_path).load(rng=torch_generator(0))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: has no image \(\.apng, "):
        ImageFolder(path=tmp_path).load(rng=torch_generator(0))


def test_the_fingerprint_follows_names_and_contents_and_not_the_place(
    folder: Path, tmp_path: Path
) -> None:
    fingerprint = ImageFolder(path=folder).fingerprint()
    moved = Path(shutil.copytree(folder, tmp_path / "moved"))
    assert ImageFolder(path=moved).fingerprint() == fingerprint

    paint(moved / "red" / "0.png", GREEN)
    assert ImageFolder(path=moved).fingerprint() != fingerprint

    graph = tmp_path / "graph.json"
    CausalGraph(["a"]).save(graph)
    assert ImageFolder(path=folder, graph=graph).fingerprint() != fingerprint


def test_the_portable_config_has_no_path(folder: Path) -> None:
    config = ImageFolder(path=folder, concepts=folder / "c.csv").portable_config()

    assert config == {
        "size": 64, "channels": 3, "fit": "crop", "background": "white", "test_fraction": 0.25,
    }  # fmt: skip


def load(folder: Path, **config: object) -> Dataset:
    return ImageFolder(path=folder, **config).load(rng=torch_generator(0))


def ink(path: Path) -> None:
    """Save a black square on transparency."""
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[2:6, 2:6, 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_transparent_drawings_lie_on_the_background(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        ink(tmp_path / name)
    data = load(tmp_path, size=8)
    assert data.train.images[0, :, 0, 0].tolist() == [1, 1, 1]
    assert data.train.images[0, :, 4, 4].tolist() == [0, 0, 0]
    assert "4 of 4 images are transparent and are laid on white (background)" in caplog.text
    red = load(tmp_path, size=8, background="#f00").train.images[0]
    assert red[:, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("background", ["pinkish", "#12", "#00000080", "rgba(0, 0, 0, 0)"])
def test_the_background_is_an_opaque_colour(folder: Path, background: str) -> None:
    with pytest.raises(ValidationError, match="background"):
        ImageFolder(path=folder, background=background)


def test_images_in_subfolders_belong_to_the_class_folder(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for index in range(4):
        (folder / "red" / "deep" / "er").mkdir(parents=True, exist_ok=True)
        source = folder / "red" / f"{index}.png"
        source.rename(folder / "red" / "deep" / "er" / f"{index}.png")
    data = load(folder, size=8)
    assert data.class_names == ("green", "red")
    assert len(data.train) + len(data.test) == 8
    assert "4 of 8 images lie in subfolders of the class folders" in caplog.text


def test_crops_are_told_and_can_be_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pixels = np.zeros((10, 20), np.uint8)
    pixels[:, 5:15] = 255
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name)
    data = load(tmp_path, size=10, channels=1)
    assert torch.equal(data.train.images[0, 0], torch.ones(10, 10))
    assert "4 of 4 images are not square, and up to 50 % of their longer side" in caplog.text
    caplog.clear()
    stretched = load(tmp_path, size=10, channels=1, fit="stretch").train.images[0, 0]
    assert stretched[:, 0].tolist() == [0] * 10
    assert stretched[:, 4].tolist() == [1] * 10
    padded = load(tmp_path, size=10, channels=1, fit="pad", background="#333").train.images[0, 0]
    assert padded[0].tolist() == pytest.approx([0.2] * 10)
    assert padded[5, 0] == 0
    assert padded[5, 5] == 1
    assert "not square" not in caplog.text


def test_images_in_both_parts_or_in_two_classes_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test", n=3)
    paint(tmp_path / "test" / "green" / "9.png", (255, 1, 0))
    load(tmp_path, size=8)
    assert "7 of 7 test images have the same pixels as a training image" in caplog.text
    assert "3 images have the same pixels as an image of another class" in caplog.text


def test_twelve_bits_in_sixteen_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 4095, np.uint16)).save(tmp_path / name)
    load(tmp_path, size=8)
    assert "the highest value of 4 images of 16 bits is 4095" in caplog.text


def test_animations_are_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first, second = (Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN))
    first.save(folder / "red" / "moving.gif", save_all=True, append_images=[second])
    data = load(folder, size=8)
    assert "1 of 9 images have several frames or pages" in caplog.text
    assert data.class_names == ("green", "red")


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    paint(tmp_path / "a" / "0.png", RED)
    with pytest.raises(DataError, match="has one class folder, 'a'; a classifier needs two"):
        load(tmp_path)


@pytest.mark.parametrize("part", ["val", "Test", "training"])
def test_parts_with_other_names_are_no_classes(tmp_path: Path, part: str) -> None:
    for name in ("train", part):
        write_classes(tmp_path / name)
    with pytest.raises(DataError, match="like a part of the data, and not images, like a class"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((8, 8), 2.0, np.float32), r"floats must lie in \[0, 1\], and these lie in \[2, 2"),
        (np.full((8, 8), 65535, np.int32), "of integers of 32 bits it is unknown which one is"),
    ],
)
def test_values_without_a_known_white_are_refused(
    folder: Path, values: np.ndarray, message: str
) -> None:
    Image.fromarray(values).save(folder / "red" / "odd.tif")
    with pytest.raises(DataError, match=f"odd.tif: cannot be read as an image: {message}"):
        load(folder)
