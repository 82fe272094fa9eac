from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import entrypoints
import pytest

from causalxai.config import load_spec
from causalxai.errors import SpecError
from causalxai.plugin import registry

FAKES = Path(__file__).parent / "fakes"


@pytest.fixture(autouse=True)
def fake_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the distribution in ``fakes`` is installed, whatever else really is."""
    monkeypatch.syspath_prepend(FAKES)
    in_fakes = partial(entrypoints.get_group_all, path=[str(FAKES)])
    monkeypatch.setattr(entrypoints, "get_group_all", in_fakes)
    registry.found.cache_clear()
    yield
    registry.found.cache_clear()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a spec that is called ``spec.yaml``; its folder is the current directory."""
    monkeypatch.chdir(tmp_path)

    def writer(text: str) -> str:
        Path("spec.yaml").write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return "spec.yaml"

    return writer


@pytest.fixture
def mistakes(write: Callable[[str], str]) -> Callable[..., list[str]]:
    """Return the lines of the error that a spec gives."""

    def lines(source: str | dict[str, Any], *overrides: str) -> list[str]:
        with pytest.raises(SpecError) as raised:
            load_spec(write(source) if isinstance(source, str) else source, overrides)
        assert [str(problem) for problem in raised.value.problems] == str(raised.value).split("\n")
        return str(raised.value).split("\n")

    return lines


@pytest.fixture
def minimal() -> dict[str, Any]:
    """Return the shortest sound spec."""
    return {
        "causalxai": 1,
        "name": "test",
        "dataset": "digits",
        "classifier": "lenet",
        "method": "interventional",
    }
