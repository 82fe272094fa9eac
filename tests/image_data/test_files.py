from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from causalxai.errors import DataError
from causalxai.image_data.files import ImageFiles


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_all_endings_and_depths_are_found(tmp_path: Path):
    names = ["a/1.PNG", "a/2.jfif", "a/deep/3.Tiff", "a/deep/er/4.webp", "b/1.jpe"]
    found = ImageFiles.find(touch(tmp_path, *names))
    assert [file.relative_to(tmp_path).as_posix() for file in found.files] == names
    assert found.labels == ["a", "a", "a", "a", "b"]
    assert not found.skipped


def test_what_is_skipped_is_told_and_clutter_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    touch(tmp_path, "a/1.png", "a/2.heic", "a/3.heic", "a/notes", "b/1.png", "loose.png")
    touch(tmp_path, "a/.DS_Store", "a/Thumbs.db", "a/.cache/9.png", ".git/9.png", "concepts.csv")
    found = ImageFiles.find(tmp_path)
    assert len(found.files) == 2
    assert found.skipped == {".heic": 2, ".png": 1, "without an ending": 1}
    found.tell()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "4 files are skipped, which are not images in class folders: 2 .heic" in caplog.text


def test_links_are_followed_but_not_in_circles(tmp_path: Path):
    touch(tmp_path / "elsewhere", "9.png")
    touch(tmp_path / "images", "a/1.png", "b/1.png")
    (tmp_path / "images" / "a" / "more").symlink_to(tmp_path / "elsewhere")
    assert len(ImageFiles.find(tmp_path / "images").files) == 3
    (tmp_path / "images" / "a" / "again").symlink_to(tmp_path / "images")
    with pytest.raises(DataError, match=r"again.*: is a link to a folder that contains it"):
        ImageFiles.find(tmp_path / "images")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are made with os.mkfifo")
def test_what_is_not_a_file_is_refused(tmp_path: Path):
    touch(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "b" / "2.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=r"2\.png: is not a file, or a link to nothing"):
        ImageFiles.find(tmp_path)
    (tmp_path / "b" / "2.png").unlink()
    os.mkfifo(tmp_path / "b" / "2.png")
    with pytest.raises(DataError, match=r"2\.png: is not a file, or a link to nothing"):
        ImageFiles.find(tmp_path)


@pytest.mark.parametrize("name", [b"\xff/1.png", b"a/\xe4.png", b"a/deep\xe4/1.png"])
def test_names_that_are_not_utf8_are_refused(name: bytes, tmp_path: Path):
    touch(tmp_path, "a/1.png", "b/1.png")
    try:
        touch(tmp_path, os.fsdecode(name))
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(DataError, match="is not UTF-8; rename it") as refusal:
        ImageFiles.find(tmp_path)
    str(refusal.value).encode()


def test_folders_may_not_be_nested_endlessly(tmp_path: Path):
    touch(tmp_path, "a/" + "x/" * 60 + "1.png")
    with pytest.raises(DataError, match="nested more than 50 times"):
        ImageFiles.find(tmp_path)


def test_a_part_of_the_data_is_told_from_a_class(tmp_path: Path):
    touch(tmp_path, "train/cat/1.png", "dog/1.png")
    assert ImageFiles.find(tmp_path).looks_like_a_split() == "train"
    touch(tmp_path, "train/1.png")
    assert not ImageFiles.find(tmp_path).looks_like_a_split()
