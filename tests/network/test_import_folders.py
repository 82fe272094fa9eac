from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from causalxai.network.import_folders import folders_searched, importable_from, names_in

NAMES = ("folders_net", "folders_part", "folders_space", "folders_pack")


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in NAMES]:
        del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.parent


def value(name: str, folder: Path | None) -> str:
    with importable_from(folder):
        return str(importlib.import_module(name).VALUE)


def test_a_folder_is_searched_before_the_working_directory_and_the_path(tmp_path: Path) -> None:
    write(tmp_path / "path/folders_net.py", "VALUE = 'path'")
    sys.path.insert(0, str(tmp_path / "path"))
    assert value("folders_net", None) == "path"
    write(Path("folders_net.py"), "VALUE = 'work'")
    assert value("folders_net", None) == "work"
    beside = write(tmp_path / "beside/folders_net.py", "VALUE = 'beside'")
    assert value("folders_net", beside) == "beside"
    assert value("folders_net", None) == "work"
    Path("folders_net.py").unlink()
    assert value("folders_net", None) == "path"


def test_the_path_is_as_before_afterwards_also_after_an_error(tmp_path: Path) -> None:
    before = list(sys.path)
    with pytest.raises(RuntimeError), importable_from(tmp_path):
        assert sys.path[:2] == [str(tmp_path), str(tmp_path / "work")]
        raise RuntimeError
    assert sys.path == before


def test_a_relative_folder_counts_from_the_working_directory(tmp_path: Path) -> None:
    write(Path("sub/folders_net.py"), "VALUE = 'sub'")
    assert folders_searched(Path("sub")) == [tmp_path / "work/sub", tmp_path / "work"]
    assert folders_searched(Path()) == [tmp_path / "work"]
    assert value("folders_net", Path("sub")) == "sub"


def test_what_a_module_imports_is_that_of_its_own_folder(tmp_path: Path) -> None:
    one, two = (
        write(tmp_path / each / "folders_net.py", "from folders_part import VALUE")
        for each in ("one", "two")
    )
    for folder in (one, two):
        write(folder / "folders_part.py", f"VALUE = {folder.name!r}")
    assert [value("folders_net", folder) for folder in (one, two, one)] == ["one", "two", "one"]


def test_a_part_that_only_the_other_folder_has_is_missing(tmp_path: Path) -> None:
    one, two = (
        write(tmp_path / each / "folders_net.py", "from folders_part import VALUE")
        for each in ("one", "two")
    )
    write(one / "folders_part.py", "VALUE = 'one'")
    assert value("folders_net", one) == "one"
    with pytest.raises(ModuleNotFoundError):
        value("folders_net", two)


@pytest.mark.parametrize("package", ["folders_pack", "folders_space"])
def test_packages_with_and_without_init_are_told_apart(tmp_path: Path, package: str) -> None:
    for each in ("one", "two"):
        write(tmp_path / each / package / "net.py", f"VALUE = {each!r}")
        if package == "folders_pack":
            write(tmp_path / each / package / "__init__.py", "")
    found = [value(f"{package}.net", tmp_path / each) for each in ("one", "two", "one")]
    assert found == ["one", "two", "one"]


def test_the_same_folder_is_not_imported_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path / "one/folders_net.py", "VALUE = object()")
    with caplog.at_level(logging.WARNING):
        assert value("folders_net", folder) == value("folders_net", folder)
    assert caplog.text == ""
    value("folders_net", folder)
    other = write(tmp_path / "two/folders_net.py", "VALUE = 1")
    value("folders_net", other)
    assert f"folders_net was imported from {folder / 'folders_net.py'} before" in caplog.text


def test_the_names_in_folders_are_those_of_modules_and_packages(tmp_path: Path) -> None:
    write(tmp_path / "folders_net.py", "")
    write(tmp_path / "folders_pack/__init__.py", "")
    write(tmp_path / "notes.txt", "")
    assert names_in([tmp_path]) == ["folders_net", "folders_pack"]
