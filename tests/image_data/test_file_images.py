from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from causalxai import Dataset
from causalxai.errors import DataError
from causalxai.image_data import lazy
from causalxai.image_data.file_images import FileReader, read_files
from causalxai.image_data.lazy import LazyImages
from causalxai.image_data.reading import Look

LOOK = Look(8, 3)


def write(folder: Path, count: int = 12) -> list[Path]:
    rng = np.random.default_rng(0)
    files = []
    for row in range(count):
        file = folder / "ab"[row % 2] / f"{row:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (10, 14, 3), np.uint8)).save(file)
        files.append(file)
    return files


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "memory_part", lambda: 3000)


def test_images_that_are_read_later_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = write(tmp_path)
    now = read_files(files, LOOK, tmp_path)
    monkeypatch.setattr(lazy, "memory_part", lambda: 3000)
    later = read_files(files, LOOK, tmp_path)
    assert isinstance(now.images, torch.Tensor)
    assert isinstance(later.images, LazyImages)
    assert (now.digested, later.digested) == ("pixels", "file contents")
    assert torch.equal(later.images[:], now.images)
    assert torch.equal(later.images[[3, 1]], now.images[[3, 1]])


@pytest.mark.usefixtures("no_room")
def test_the_log_tells_what_the_headers_say(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    files = write(tmp_path)
    Image.new("RGBA", (8, 8)).save(files[0])
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "green"))
    first.save(tmp_path / "a" / "moving.gif", save_all=True, append_images=[second])
    read_files([*files, tmp_path / "a" / "moving.gif"], LOOK, tmp_path)
    assert "13 images of 8 px would take 0.0 GB and are read when they are needed" in caplog.text
    assert "11 of 13 images are not square, and up to 29 % of their longer side" in caplog.text
    assert "1 of 13 images can be transparent and are laid on white" in caplog.text
    assert "1 of 13 images have several frames or pages" in caplog.text


@pytest.mark.usefixtures("no_room")
def test_a_lazy_folder_is_divided_like_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    files = write(tmp_path)
    (tmp_path / "b" / "again.png").write_bytes(files[0].read_bytes())
    later = Dataset.from_folder(tmp_path, size=8)
    assert "2 images have the same file contents as an image of another class" in caplog.text
    monkeypatch.undo()
    now = Dataset.from_folder(tmp_path, size=8)
    for one, other in ((later.train, now.train), (later.test, now.test)):
        assert isinstance(one.images, LazyImages)
        assert torch.equal(one.images[:], other.images[:])
        assert torch.equal(one.labels, other.labels)
    assert later.image_shape == (3, 8, 8)


@pytest.mark.usefixtures("no_room")
def test_files_that_are_no_images_are_found_when_the_folder_is_opened(tmp_path: Path):
    files = write(tmp_path)
    files[5].write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b/05.png: cannot be read as an image"):
        read_files(files, LOOK, tmp_path)


@pytest.mark.parametrize("count", [2, 12])
def test_a_damaged_image_is_named_when_it_is_read(tmp_path: Path, count: int):
    files = write(tmp_path, count)
    files[1].write_bytes(files[1].read_bytes()[:60])
    reader = FileReader(tuple(files), LOOK)
    assert reader([0]).shape == (1, 3, 8, 8)
    with pytest.raises(DataError, match=r"b/01.png: cannot be read as an image"):
        reader(list(range(count)))
