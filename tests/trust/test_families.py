"""The quick cases of ``make trust``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trust.families import FAMILIES
from tests.trust.family import Case
from tests.trust.running import check_here

QUICK = [
    pytest.param(case, id=f"{family.name}: {case.name}")
    for family in FAMILIES
    for case in family.cases()
    if case.quick
]


@pytest.mark.parametrize("case", QUICK)
def test_the_promise_holds(case: Case, tmp_path: Path):
    assert check_here(case, tmp_path).fault == ""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_names_of_cases_are_unique(family):
    names = [case.name for case in family.cases()]
    assert names
    assert len(set(names)) == len(names)
