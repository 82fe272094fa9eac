from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import causalxai
from causalxai.command_line import remembered
from causalxai.command_line.remembered import Remembered

QUESTION = {"command": "how many?"}


@pytest.fixture
def code(
    settled_answers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Path]:
    """A package on which answers depend, with a module and a file that is not there yet."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("answer = 42")
    paths = [str(package), str(package / "module.py"), str(tmp_path / "missing.py")]
    monkeypatch.setattr(remembered, "_code", lambda: iter(paths))
    # The files were made just now.
    monkeypatch.setattr(remembered, "_UNSETTLED", -1e6)
    return package


def test_an_answer_is_found_again(code: Path):
    assert Remembered(QUESTION).recall() is None
    Remembered(QUESTION).keep({"answer": [42, "ü"]})
    assert Remembered(QUESTION).recall() == {"answer": [42, "ü"]}


def test_another_question_has_no_answer(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    Remembered(QUESTION).keep(42)
    assert Remembered({"command": "how much?"}).recall() is None
    with monkeypatch.context() as patch:
        patch.setenv("MODEL_FOLDER", "there")
        assert Remembered(QUESTION).recall() is None
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        assert Remembered(QUESTION).recall() is None
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        assert Remembered(QUESTION).recall() is None
    monkeypatch.setenv("SHLVL", "7")
    assert Remembered(QUESTION).recall() == 42


def rewritten(package: Path) -> None:
    """Change a module to one of the same length and, as far as it says, of the same time."""
    module = package / "module.py"
    before = module.stat()
    module.write_text("answer = 43")
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        rewritten,
        lambda package: (package / "module.py").unlink(),
        lambda package: (package / "other.py").touch(),
        lambda package: (package.parent / "missing.py").touch(),
    ],
    ids=["rewritten", "deleted", "added", "there now"],
)
def test_an_answer_is_forgotten_when_code_changes(change: Callable[[Path], object], code: Path):
    Remembered(QUESTION).keep(42)
    change(code)
    assert Remembered(QUESTION).recall() is None


def test_nothing_is_kept_if_code_was_changed_since_the_question(
    code: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remembered, "_UNSETTLED", 10.0)
    Remembered(QUESTION).keep(42)
    assert Remembered(QUESTION).recall() is None


def test_a_damaged_answer_is_none(code: Path, tmp_path: Path):
    Remembered(QUESTION).keep(42)
    (file,) = (tmp_path / "answers").iterdir()
    for damaged in (b"", file.read_bytes()[:-9], b"[]"):
        file.write_bytes(damaged)
        assert Remembered(QUESTION).recall() is None


def test_the_memory_can_be_switched_off(code: Path, monkeypatch: pytest.MonkeyPatch):
    Remembered(QUESTION).keep(42)
    monkeypatch.setenv(remembered.SWITCHED_OFF, "1")
    assert Remembered(QUESTION).recall() is None
    Remembered(QUESTION).keep(43)
    monkeypatch.delenv(remembered.SWITCHED_OFF)
    assert Remembered(QUESTION).recall() == 42


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(code: Path, tmp_path: Path):
    (tmp_path / "answers").write_text("a file where the folder should be")
    Remembered(QUESTION).keep(42)
    assert Remembered(QUESTION).recall() is None


def test_old_answers_are_deleted(code: Path, tmp_path: Path):
    for number in range(70):
        Remembered({"number": number}).keep(number)
    assert len(list((tmp_path / "answers").iterdir())) == 64
    assert Remembered({"number": 69}).recall() == 69


def test_answers_depend_on_modules_packages_and_distributions():
    paths = set(remembered._code())
    package = Path(causalxai.__file__).parent
    assert {causalxai.__file__, str(package), str(package / "command_line")} <= paths
    assert set(filter(None, sys.path)) <= paths
    assert any(path.endswith(".dist-info/entry_points.txt") for path in paths)
