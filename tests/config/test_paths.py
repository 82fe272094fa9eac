from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from causalxai.config.mistake import Mistake
from causalxai.config.paths import missing_paths
from causalxai.plugin import FileToRead, FolderToRead, PluginConfig


class Inner(PluginConfig):
    table: FileToRead | None = None


class Config(PluginConfig):
    weights: FileToRead
    images: FolderToRead | None = None
    out: Path = Path("not/looked/at")
    inner: Inner = Inner()
    folders: dict[str, FolderToRead] = Field(default_factory=dict)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.pt").touch()
    Path("images").mkdir()


def test_what_is_there_and_of_the_right_kind_is_no_mistake() -> None:
    config = Config(weights="w.pt", images="images", inner=Inner(table="w.pt"))
    assert list(missing_paths(config, ("classifier",))) == []
    assert list(missing_paths(Config(weights="w.pt"), ("classifier",))) == []


def test_what_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    config = Config(weights="u.pt", images=gone, inner=Inner(table="images/t.csv"))
    relative = f"(it is relative to {tmp_path})"
    assert list(missing_paths(config, ("classifier",))) == [
        Mistake(("classifier", "weights"), f"u.pt: there is no such file {relative}"),
        Mistake(("classifier", "images"), f"{gone}: there is no such folder"),
        Mistake(
            ("classifier", "inner", "table"), f"images/t.csv: there is no such file {relative}"
        ),
    ]


def test_a_folder_is_no_file_and_a_file_no_folder() -> None:
    config = Config(weights="images", images="w.pt")
    assert [mistake.message for mistake in missing_paths(config, ())] == [
        "images is a folder, not a file",
        "w.pt is a file, not a folder",
    ]


def test_paths_may_be_values_of_a_dictionary() -> None:
    config = Config(weights="w.pt", folders={"there": "images", "not": "w.pt"})
    assert list(missing_paths(config, ("concepts",))) == [
        Mistake(("concepts", "folders", "not"), "w.pt is a file, not a folder")
    ]
