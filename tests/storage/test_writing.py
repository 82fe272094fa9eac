from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from causalxai.errors import DataError
from causalxai.storage.writing import delete_leftovers, new_folder, write_whole, writing_to


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written(tmp_path: Path):
    path = tmp_path / "new" / "file"
    write_whole(path, "ü\n")
    write_whole(path, "again\n")
    assert path.read_bytes() == b"again\n"
    assert names(path.parent) == ["file"]


def test_a_file_that_cannot_be_written_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    path = tmp_path / "file"
    write_whole(path, "before")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"/file: cannot be written: No space left on device$"):
        write_whole(path, "afterwards")
    assert path.read_text() == "before"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("x" * 300, "File name too long"), ("a/b", r"\S+/a is a file, not a folder")],
)
def test_the_reason_is_that_of_the_file_system(name: str, reason: str, tmp_path: Path):
    (tmp_path / "a").touch()
    with pytest.raises(DataError, match=f"cannot be written: {reason}"):
        write_whole(tmp_path / name, "")
    assert names(tmp_path) == ["a"]


def test_tensors_that_cannot_be_written_give_the_same_error(tmp_path: Path):
    path = tmp_path / "none" / "tensors.safetensors"
    with (
        pytest.raises(DataError, match="safetensors: cannot be written: No such file or directory"),
        writing_to(path),
    ):
        save_file({"a": torch.zeros(1)}, path)


def test_what_a_killed_process_left_is_deleted(tmp_path: Path):
    with new_folder(tmp_path, "key") as folder:
        (folder / "file").touch()
        shutil.copytree(folder, f"{folder}-of-a-killed-process")
    (tmp_path / ".writing-other-1").mkdir()
    assert len(names(tmp_path)) == 2
    delete_leftovers(tmp_path, "key")
    assert names(tmp_path) == [".writing-other-1"]
    delete_leftovers(tmp_path / "nowhere", "key")
