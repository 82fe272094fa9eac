from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, FilePath

from causalxai.config.fields import expand_home, known_keys
from causalxai.config.mistake import KeyPath


class Inner(BaseModel):
    weights: FilePath | None = None
    label: str = ""


class Other(BaseModel):
    depth: int = 0


class Outer(BaseModel):
    path: Path
    renamed: Annotated[list[Path], Field(alias="paths")] = []
    inner: Inner | Other = Other()
    many: dict[str, list[Inner]] = {}


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ((), ["inner", "many", "path", "paths"]),
        (("inner",), ["depth", "label", "weights"]),
        (("many", "any", 0), ["label", "weights"]),
        (("path",), []),
    ],
)
def test_known_keys(path: KeyPath, keys: list[str]) -> None:
    assert known_keys(Outer, path) == keys


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"path": "~/x"}, {"path": "/home/me/x"}),
        ({"path": Path("~/x")}, {"path": "/home/me/x"}),
        ({"path": "x/~"}, {"path": "x/~"}),
        ({"path": "~"}, {"path": "/home/me"}),
        ({"path": "~nobody-of-that-name/x"}, {"path": "~nobody-of-that-name/x"}),
        ({"paths": ["~/x", "y"]}, {"paths": ["/home/me/x", "y"]}),
        (
            {"inner": {"weights": "~/x", "label": "~"}},
            {"inner": {"weights": "/home/me/x", "label": "~"}},
        ),
        ({"many": {"a": [{"weights": "~/x"}]}}, {"many": {"a": [{"weights": "/home/me/x"}]}}),
        ({"unknown": 3}, {"unknown": 3}),
    ],
)
def test_expand_home(before: Any, after: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expand_home(before, (Outer,)) == after
