from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from causalxai.network.own_code import OwnCode, is_standard


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("module", ["os", "sys", "builtins", "subprocess", "os.path", "importlib"])
def test_modules_of_python_are_standard(module: str) -> None:
    assert is_standard(module)
    assert not OwnCode({module}).has(module)


@pytest.mark.parametrize("module", ["torch", "numpy", "pydantic.fields", "no_such", "__main__"])
def test_other_modules_are_not_standard(module: str) -> None:
    assert not is_standard(module)


def test_what_is_installed_is_not_the_users_own_unless_it_is_named(folder: Path) -> None:
    (folder / "own_code_at_home.py").write_text("x = 1")
    own = OwnCode({"pydantic", "torch"})

    assert own.has("own_code_at_home")
    assert own.has("__main__")
    assert own.has("pydantic.fields")
    assert not any(map(own.has, ("numpy", "torch", "causalxai.graph")))
    assert "own_code_at_home" not in sys.modules


def test_the_sources_of_all_that_is_imported_are_digested(folder: Path) -> None:
    package = folder / "own_code_package"
    (package / "deep").mkdir(parents=True)
    texts = {
        "__init__.py": "",
        "deep/__init__.py": "",
        "deep/net.py": "import numpy\nfrom .. import helper\ndef f():\n    from . import lazy",
        "helper.py": "from own_code_package.other import *",
        "other.py": "",
        "deep/lazy.py": "",
        "unrelated.py": "",
    }
    for name, text in texts.items():
        (package / name).write_text(text)
    before = OwnCode().sources(["own_code_package.deep.net"])
    (package / "deep/lazy.py").write_text("x = 1")
    after = OwnCode().sources(["own_code_package.deep.net"])

    names = ["", ".deep", ".deep.lazy", ".deep.net", ".helper", ".other"]
    assert sorted(before) == [f"own_code_package{name}" for name in names]
    assert {name for name in before if before[name] != after[name]} == {
        "own_code_package.deep.lazy"
    }


def test_an_edit_counts_when_the_module_is_loaded_again(folder: Path) -> None:
    name = "own_code_edited"
    file = folder / f"{name}.py"
    file.write_text("x = 1")
    module = importlib.import_module(name)
    before = OwnCode().sources([name])
    file.write_text("x = 1000")
    assert OwnCode().sources([name]) == before

    importlib.invalidate_caches()
    importlib.reload(module)
    assert OwnCode().sources([name]) != before
