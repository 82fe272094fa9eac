"""The repr of data that holds tensors: shapes and types in the place of values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_LONGEST, _WIDEST, _MOST_NAMED = 80, 160, 4


def short_repr(data: object) -> str:
    """Return a repr of a dataclass that has no values of tensors, and no long lines.

    A class takes it over by ``__repr__ = short_repr``. Fields that are as by default are left out.

    Parameters
    ----------
    data
        An instance of a dataclass.
    """
    assert dataclasses.is_dataclass(data)
    fields = [
        f"{field.name}={_short(getattr(data, field.name))}"
        for field in dataclasses.fields(data)
        if field.repr and not _is_default(field, getattr(data, field.name))
    ]
    name = type(data).__qualname__
    line = f"{name}({', '.join(fields)})"
    if len(line) <= _WIDEST:
        return line
    return f"{name}(\n  " + ",\n  ".join(fields) + ",\n)"


def _is_default(field: dataclasses.Field[object], value: object) -> bool:
    """Return whether a value is its field's default; what holds tensors never is, unless empty."""
    if field.default_factory is not dataclasses.MISSING:
        return isinstance(value, Mapping | list | tuple) and not value
    default = field.default
    return value is default or (isinstance(value, str | int | float | tuple) and value == default)


def _short(value: object) -> str:
    if _is_array(value):
        kind = str(value.dtype).removeprefix("torch.")
        return f"{kind}{list(value.shape)}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        names = [_cut(repr(name)) for name, _ in zip(value, range(_MOST_NAMED), strict=False)]
        more = f", … {len(value)} in all" if len(value) > len(names) else ""
        return _cut(f"{{{', '.join(names)}{more}}}")
    if isinstance(value, list | tuple) and (
        len(value) > _MOST_NAMED or any(map(_is_array, value)) or len(repr(value)) > _LONGEST
    ):
        kinds = sorted({type(item).__name__ for item in value})
        return f"{len(value)} x {_cut(' or '.join(kinds))}"
    return _cut(repr(value))


def _is_array(value: object) -> TypeGuard[Tensor | NDArray[np.generic]]:
    """Return whether a value is a tensor or an array, without importing torch or NumPy."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__array__")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
