"""The quick cases of ``make trust``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import entrypoints
import pytest

from causalxai.plugin import registry
from tests.trust.families import FAMILIES
from tests.trust.family import Case
from tests.trust.running import check_here

QUICK = [
    pytest.param(case, id=f"{family.name}: {case.name}")
    for family in FAMILIES
    for case in family.cases()
    if case.quick
]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what cases add to the installed distributions."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(entrypoints, "get_group_all", entrypoints.get_group_all)
    registry.found.cache_clear()
    yield
    registry.found.cache_clear()


@pytest.mark.parametrize("case", QUICK)
def test_the_promise_holds(case: Case, tmp_path: Path):
    assert check_here(case, tmp_path).fault == ""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_names_of_cases_are_unique(family):
    names = [case.name for case in family.cases()]
    assert names
    assert len(set(names)) == len(names)
