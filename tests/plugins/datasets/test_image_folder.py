from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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


def test_grey_transparent_and_deep_images_become_what_the_config_says(tmp_path: Path) -> None:
    modes = {
        "grey": Image.new("L", (8, 8), 51),
        "deep": Image.fromarray(np.full((8, 8), 51 * 257, np.uint16)),
        "transparent": Image.new("RGBA", (8, 8), (51, 51, 51, 128)),
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
    for index in range(2):
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "a" / f"{index}.png", exif=exif)
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
    with pytest.raises(DataError, match=r"empty: has no image \(\.bmp, "):
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

    assert config == {"size": 64, "channels": 3, "test_fraction": 0.25}
