from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from causalxai.errors import DataError
from causalxai.network.import_path import build_network, find_network

CODE = """
import functools
from os import system
from subprocess import Popen, run
from typing import Any
from torch import nn
from torch.hub import load

class Net(nn.Linear):
    def __init__(self, n=2):
        super().__init__(n, 1)
    @classmethod
    def wide(cls):
        return cls(9)

def make(): return Net()
def stated() -> "Net": return Net()
def anything() -> Any: return Net()
def wrong() -> int: return 1
def unresolved() -> "Unknown": return Net()
partial = functools.partial(make)
cached = functools.lru_cache(make)
wide = Net.wide
ready = Net(5)
broken = property(make)
class Callable:
    def __call__(self): raise AssertionError("called")
instance = Callable()
"""

NEAR = """
import import_path_code
class Near(import_path_code.Net):
    def __init__(self):
        import import_path_late as late
        super().__init__(late.N)
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "import_path_code.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "import_path_code", raising=False)


@pytest.mark.parametrize(
    "name",
    [*("Net", "make", "stated", "anything", "unresolved", "partial", "cached", "wide", "ready")],
)
def test_what_builds_a_network_is_found(name: str) -> None:
    path = f"import_path_code:{name}"
    assert isinstance(build_network(path, find_network(path), {}), nn.Linear)


def test_a_function_of_a_library_may_say_that_it_builds_a_network() -> None:
    path = "torch.nn.utils.fusion:fuse_linear_bn_eval"
    assert callable(find_network("torch.ao.quantization:QuantWrapper"))
    with pytest.raises(DataError, match=r"is a function that is not your own code"):
        find_network(path)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("system", "is a builtin_function_or_method, neither"),
        ("Popen", "is a class, but not a subclass of torch.nn.Module"),
        ("run", "is a function that is not your own code"),
        ("load", "is a function that is not your own code"),
        ("wrong", "returns a int by its annotation"),
        ("Callable", "is a class, but not a subclass"),
        ("instance", "is a Callable, neither"),
        ("broken", "is a property, neither"),
        ("functools", "is a module, neither"),
        ("CODE", "has no 'CODE'"),
    ],
)
def test_anything_else_is_refused_and_not_called(name: str, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        find_network(f"import_path_code:{name}")


@pytest.mark.parametrize(
    "path", ["os:system", "builtins:exec", "subprocess:Popen", "antigravity:x"]
)
def test_modules_of_python_are_not_even_imported(path: str) -> None:
    before = set(sys.modules)
    with pytest.raises(DataError, match="belongs to Python itself and builds no network"):
        find_network(path)
    assert "antigravity" not in set(sys.modules) - before


def test_a_network_itself_is_copied_and_takes_no_arguments() -> None:
    path = "import_path_code:ready"
    found = find_network(path)
    built = build_network(path, found, {})
    assert built is not found
    assert torch.equal(built.weight, found.weight)
    with pytest.raises(DataError, match="is a network already, and takes no arguments"):
        build_network(path, found, {"n": 3})


def test_a_module_is_found_in_a_folder_and_the_name_that_was_meant_is_told(tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "import_path_near.py").write_text(NEAR)
    (beside / "import_path_late.py").write_text("N = 4")
    path = "import_path_near:Near"
    found = find_network(path, beside)
    assert build_network(path, found, {}, beside).in_features == 4
    message = r"did you mean 'import_path_near'\? \(it was looked for in .*beside, "
    with pytest.raises(DataError, match=message):
        find_network("import_path_neer:Near", beside)
