"""Reprs tell shapes, not values: of all public dataclasses."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causalxai import (
    CausalGraph,
    Classifier,
    Comparison,
    ConceptSpace,
    Dataset,
    Explainer,
    GraphDiscoverer,
    Oracle,
    Run,
)
from causalxai.api import public_names
from causalxai.metric import Estimate
from causalxai.short_repr import short_repr
from causalxai.testing import toy_world
from causalxai.testing.toys import ToyDiscoverer, ToyExplainer

WIDEST = 200
VALUE = 0.123456
"""The value of all elements of tensors and arrays; no other number of a sample has its digits."""


def test_fields_are_told_by_shape_and_type():
    @dataclasses.dataclass(frozen=True)
    class Held:
        tensor: torch.Tensor
        array: np.ndarray[Any, Any]
        named: Mapping[str, torch.Tensor]
        several: tuple[torch.Tensor, ...]
        raw: bytes
        text: str
        kept: int = 3
        changed: int = 3
        __repr__ = short_repr

    held = Held(
        torch.zeros(2, 3), np.zeros(4), {"a": torch.zeros(1)}, (torch.zeros(1),) * 2, b"123", "t"
    )
    assert repr(dataclasses.replace(held, changed=4)).split("(", 1)[1] == (
        "tensor=float32[2, 3], array=float64[4], named={'a'}, several=2 x Tensor, raw=3 bytes, "
        "text='t', changed=4)"
    )


def test_what_is_long_is_cut_and_many_fields_have_lines_of_their_own():
    @dataclasses.dataclass(frozen=True)
    class Long:
        one: str
        two: str
        three: Mapping[str, int]
        __repr__ = short_repr

    lines = repr(Long("a" * 999, "b" * 999, {str(k): k for k in range(9)})).splitlines()
    assert [line.strip()[:5] for line in lines[1:-1]] == ["one='", "two='", "three"]
    assert "… 9 in all" in lines[3]
    assert max(map(len, lines)) < 100


def test_small_data_read_as_they_are_written():
    assert repr(Estimate(0.5, 0.25, 0.75, 9)) == "Estimate(value=0.5, low=0.25, high=0.75, n=9)"


def public_dataclasses() -> list[type]:
    """Return the dataclasses that plugins may use."""
    public = [
        getattr(importlib.import_module(module), name) for module, name in sorted(public_names())
    ]
    found = {one for one in public if inspect.isclass(one) and dataclasses.is_dataclass(one)}
    # What is made by runs alone is told of by its folder.
    return sorted(found - {Comparison, Run}, key=lambda one: (one.__module__, one.__qualname__))


@pytest.mark.parametrize("kind", public_dataclasses(), ids=lambda kind: kind.__qualname__)
def test_no_public_data_writes_out_the_values_of_tensors(kind: type):
    said = repr(sample_of(kind))
    assert str(VALUE)[2:6] not in said
    assert "tensor(" not in said and "array(" not in said
    assert max(map(len, said.splitlines())) <= WIDEST


def sample_of(kind: type) -> Any:
    """Return an instance whose fields are large, whether or not it would be accepted."""
    made = object.__new__(kind)
    names = vars(importlib.import_module(kind.__module__))
    known = {**PARTS, **{one.__name__: one for one in public_dataclasses()}, **names}
    for field in dataclasses.fields(kind):
        hint = eval(field.type, known) if isinstance(field.type, str) else field.type
        object.__setattr__(made, field.name, sample(hint))
    return made


def sample(hint: Any) -> Any:
    """Return a large value of a type."""
    if isinstance(hint, str | typing.ForwardRef):
        hint = eval(getattr(hint, "__forward_arg__", hint), PARTS)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, typing.TypeVar):
        return sample(hint.__bound__ or object)
    if origin in (typing.Union, types.UnionType):
        return sample(arguments[0])
    if origin is typing.Literal:
        return arguments[0]
    if hint is torch.Tensor:
        return torch.full((30, 100), VALUE)
    if origin is np.ndarray:
        return np.full((30, 100), VALUE)
    if origin in (Mapping, dict):
        return {f"name {number}": sample(arguments[1]) for number in range(30)}
    if origin in (tuple, Sequence, list, frozenset):
        return tuple(sample(arguments[0]) for _ in range(30))
    return sample if origin is Callable else simple_sample(hint)


def simple_sample(hint: Any) -> Any:
    """Return a value of a class."""
    if inspect.isclass(hint) and issubclass(hint, enum.Enum):
        return next(iter(hint))
    if hint in SAMPLES:
        return SAMPLES[hint]
    return sample_of(hint) if dataclasses.is_dataclass(hint) else object()


WORLD = toy_world(0)
PARTS: dict[str, Any] = {
    **{name: getattr(importlib.import_module(module), name) for module, name in public_names()},
    "torch": torch,
    "np": np,
    "nn": torch.nn,
    "Tensor": torch.Tensor,
    "NDArray": NDArray,
}
"""What annotations name, also those that are imported for type checkers alone."""
SAMPLES: dict[Any, Any] = {
    Dataset: WORLD.dataset,
    Classifier: WORLD.classifier,
    ConceptSpace: WORLD.space,
    Oracle: WORLD.oracle,
    GraphDiscoverer: ToyDiscoverer(),
    Explainer: ToyExplainer(),
    CausalGraph: CausalGraph("abc", [("a", "b")]),
    str: "a name",
    bytes: b"bytes" * 1000,
    int: 3,
    float: 0.25,
    bool: True,
    type: int,
    Path: Path("folder"),
    Any: 0.25,
    torch.Generator: torch.Generator(),
    torch.nn.Module: torch.nn.Sequential(*(torch.nn.Linear(3, 3) for _ in range(9))),
}
