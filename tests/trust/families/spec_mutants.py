"""Specs with random mistakes in them: in their text, and in their values."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from causalxai.config import load_grid
from causalxai.errors import SpecError
from causalxai.plugin import registry
from tests.trust.family import Case, Family
from tests.trust.small_runs import SPECS

_BATCHES, _AT_ONCE = 6, 200
_SECONDS = 1.0

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3.5, -0.0, 1e-320, 1e300, 10**30, -(10**30), 2**63, 10**400,
    float("inf"), float("-inf"), float("nan"), "", " ", "3", "none", "true", "inf", "~", "~nobody",
    "x" * 5000, "a.b", "../..", "/dev/null", "/", "a\0b", "\ud800", "ä", "😀", "\u202e", "a\nb",
    "os:system", "cuda:99999999999", [], {}, [[]], [None], [True], ["a", "a"], [{}], {"": 1},
    {"use": None}, {"use": "none"}, {"use": "lenet"}, {"use": "digits", "size": 10**6}, [1] * 500,
    {"a": {"a": {"a": {}}}}, [[[[[[[[]]]]]]]], {"use": {"use": "lenet"}},
)  # fmt: skip

_LETTERS = "[]{}:,-#&*!|>'\"%@`?\t\n \\~<=x0.éÿ\u2028\ufeff\0\x1b"

_MORE: dict[str, Any] = {
    "seed": 3,
    "memory_mb": 64,
    "budget": 1000,
    "sanity": True,
    "vary": {"seed": [0, 1], "m": {"a": {"explain": "saliency"}, "b": {"control": True}}},
}


def _base(rng: random.Random) -> dict[str, Any]:
    """Return a sound spec, sometimes with other plugins and with settings that few write."""
    data = deepcopy(SPECS[rng.choice(list(SPECS))])
    for key, value in _MORE.items():
        if rng.random() < 0.2:
            data[key] = deepcopy(value)
    groups: dict[str, registry.Group] = {
        "dataset": "datasets",
        "classifier": "classifiers",
        "concepts": "concept_spaces",
        "graph": "graph_discoverers",
        "explain": "explainers",
    }
    stage, group = rng.choice(list(groups.items()))
    if rng.random() < 0.5:
        name = rng.choice(registry.names(group))
        fields = list(registry.load(group, name).Config.model_fields)
        some = rng.sample(fields, min(len(fields), rng.randrange(4)))
        data[stage] = {"use": name, **{field: rng.choice(_VALUES) for field in some}}
    return data


def _holders(value: Any) -> list[Any]:
    """Return all mappings and lists inside a value that are not empty, itself included."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list) or not inner:
        return []
    return [value, *(holder for item in inner for holder in _holders(item))]


def _mutate(data: dict[str, Any], rng: random.Random) -> None:
    holders = _holders(data)
    if not holders:
        return
    holder = rng.choice(holders)
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match rng.randrange(5):
        case 0 | 1:
            holder[key] = deepcopy(rng.choice(_VALUES))
        case 2:
            del holder[key]
        case 3 if isinstance(holder, dict):
            text = str(key)
            holder[rng.choice((text[:-1], text + "s", text.upper(), "", "use", "vary"))] = holder[
                key
            ]
        case _:
            holder[key] = {"use": deepcopy(holder[key])}


def _garbled(text: str, rng: random.Random) -> str:
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text))
        end = at + rng.randrange(1, 12)
        changes = (
            text[:at] + rng.choice(_LETTERS) * rng.choice((1, 1, 40)) + text[at:],
            text[:at] + text[end:],
            text[:end] + text[at:],
        )
        text = rng.choice(changes) or " "
    return text


def _check(source: Any, where: str) -> None:
    begin = time.process_time()
    try:
        load_grid(source)
    except SpecError as error:
        lines = str(error).split("\n")
        assert len(lines) == len(error.problems), lines
        assert all(line.startswith(where) and line.isprintable() for line in lines), lines
    seconds = time.process_time() - begin
    assert seconds < _SECONDS, f"it took {seconds:.1f} s: {source}"


def _values(seed: int, _folder: Path) -> None:
    rng = random.Random(seed)
    registry.listings()  # imports all plugins, which takes seconds once
    for _ in range(_AT_ONCE):
        data = _base(rng)
        for _ in range(rng.randrange(1, 5)):
            _mutate(data, rng)
        try:
            _check(data, "spec: ")
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} in {data!r}") from error


def _texts(seed: int, folder: Path) -> None:
    rng = random.Random(seed)
    path = folder / "spec.yaml"
    registry.listings()
    for _ in range(_AT_ONCE):
        text = _garbled(json.dumps(_base(rng), indent=1, ensure_ascii=rng.random() < 0.5), rng)
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            _check(path, str(path))
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} in {text!r}") from error


def _cases() -> Iterator[Case]:
    for seed in range(_BATCHES):
        values, texts = partial(_values, seed), partial(_texts, seed)
        yield Case(f"{_AT_ONCE} specs with wrong values, seed {seed}", values, quick=seed == 0)
        yield Case(f"{_AT_ONCE} garbled texts, seed {seed}", texts, quick=seed == 0)


FAMILY = Family(
    "spec-mutants",
    "A spec is valid, or each of its mistakes is told in a line with its place, within a second.",
    _cases,
)
