from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import entrypoints
import pandas as pd
import pytest

from causalxai import Comparison, Estimate, MetricResult, compare
from causalxai.comparison.rows import Entry, Outcome
from causalxai.config import load_grid
from causalxai.metric import AttributionSpace
from causalxai.plugin import registry

FAKES = Path(__file__).parent / "fakes"

BASE: dict[str, Any] = {
    "causalxai": 1,
    "name": "toy",
    "device": "cpu",
    "dataset": "toy",
    "classifier": "toy",
    "method": "toy",
    "images": {"count": 6},
}
WAYS: dict[str, Any] = {
    "exact": {},
    "random": {"explain": "random", "control": True},
    "refusing": {"explain": "refusing"},
}


@pytest.fixture(scope="module", autouse=True)
def only_toys() -> Iterator[None]:
    """Only the toys are installed, whatever else really is."""
    found = partial(entrypoints.get_group_all, path=[str(FAKES)])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FAKES)
        patch.setattr(entrypoints, "get_group_all", found)
        registry.found.cache_clear()
        yield
    registry.found.cache_clear()


@pytest.fixture
def base(tmp_path: Path) -> dict[str, Any]:
    """A spec of the toy world; trainings are noted."""
    classifier = {"use": "toy", "noted_in": str(tmp_path / "trainings")}
    return {**deepcopy(BASE), "classifier": classifier}


@pytest.fixture
def grid_spec(base: dict[str, Any]) -> dict[str, Any]:
    """Two seeds, three ways to explain: one of them is a control, one fails."""
    return {**base, "vary": {"seed": [0, 1], "method": deepcopy(WAYS)}}


@pytest.fixture
def trainings(tmp_path: Path) -> Callable[[], list[str]]:
    """Return the trainings of the test so far."""
    path = tmp_path / "trainings"
    return lambda: path.read_text().splitlines() if path.exists() else []


@pytest.fixture(scope="module")
def done(only_toys: None, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The grid's comparison; tests only read it."""
    vary = {"seed": [0, 1], "method": deepcopy(WAYS)}
    return compare({**deepcopy(BASE), "vary": vary}, out=tmp_path_factory.mktemp("done"), jobs=1)


@pytest.fixture
def runs(done: Comparison, tmp_path: Path) -> Path:
    """A copy of the folder in which the grid was run, to go on in."""
    return Path(shutil.copytree(done.directory.parent, tmp_path / "runs"))


Scores = dict[str, float | None]


@pytest.fixture
def scored(tmp_path: Path) -> Callable[..., Comparison]:
    """Make a comparison from scores alone, by seed and method; ``None`` is a metric that failed."""

    def made(
        by_seed: list[Scores],
        *,
        higher_is_better: bool | None = True,
        reach: float | None = 1.0,
        **further: Any,
    ) -> Comparison:
        vary = {"seed": list(range(len(by_seed))), "method": dict.fromkeys(by_seed[0])}
        grid = load_grid({**BASE, "vary": vary})
        entries = []
        for cell in grid.cells:
            value = by_seed[int(cell.labels["seed"])][str(cell.labels["method"])]
            result = MetricResult(
                "score",
                "failed" if value is None else "ok",
                None if value is None else _estimate(value, reach),
                reason="broken" if value is None else "",
                higher_is_better=higher_is_better,
                **further,
            )
            entries.append(Entry(cell, Outcome(metrics=(result,))))
        return Comparison(grid.name, grid.axes, tuple(entries), tmp_path / "comparison")

    return made


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Comparison]:
    """Make a comparison of one seed from values by method, ``control`` being one."""

    def made(
        values: Mapping[str, float | None],
        *,
        higher_is_better: bool = True,
        metric: str = "distance",
        overrides: Mapping[str, Any] | None = None,
        translated: bool | None = None,
        read: Mapping[str, str] | None = None,
        parts: Mapping[str, Mapping[str, float]] | None = None,
    ) -> Comparison:
        vary = {name: dict((overrides or {}).get(name, {})) for name in values}
        vary["control"] = {"explain": "random", "control": True}
        grid = load_grid({**BASE, "metrics": [metric], "vary": {"method": vary}})
        entries = []
        for cell in grid.cells:
            name = str(cell.labels["method"])
            value = values[name]
            result = MetricResult(
                metric,
                "skipped" if value is None else "ok",
                None if value is None else Estimate(value, value - 0.05, value + 0.05, n=9),
                reason="a reason that is far too long for a cell of a table" * (value is None),
                parts={k: Estimate(v) for k, v in (parts or {}).get(name, {}).items()},
                higher_is_better=higher_is_better,
                translated=translated,
                read=AttributionSpace(read[name]) if read else None,
            )
            entries.append(Entry(cell, Outcome(metrics=(result,))))
        return Comparison(grid.name, grid.axes, tuple(entries), tmp_path / "comparison")

    return made


def _estimate(value: float, reach: float | None) -> Estimate:
    return Estimate(value) if reach is None else Estimate(value, value - reach, value + reach, n=5)


@pytest.fixture
def score() -> Callable[..., pd.Series]:
    """Find the one row of a comparison's table with some labels."""

    def found(
        comparison: Comparison, kind: str = "score", name: str = "", **where: object
    ) -> pd.Series:
        table = comparison.table[comparison.table.kind == kind]
        table = table[table["name"] == name]
        for column, value in where.items():
            table = table[table[column] == value]
        (row,) = table.to_dict("records")
        return pd.Series(row)

    return found
