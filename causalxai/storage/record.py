"""Records: results as they are stored, in tensors, files and plain JSON; never in pickle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from causalxai.short_repr import short_repr

if TYPE_CHECKING:
    from torch import Tensor

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What JSON can hold."""


@dataclass(frozen=True)
class Record:
    """A result as it is stored.

    Parameters
    ----------
    tensors
        Tensors by name.
    meta
        Plain JSON.
    texts
        Texts by file name, such as the page of a report.
    files
        Other files by name, such as images.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    meta: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    __repr__ = short_repr


def fault_of_record(record: object) -> str | None:
    """Return why a plugin's record cannot be stored, in words; ``None`` if it can be."""
    if not isinstance(record, Record):
        return f"is a {type(record).__name__}, not a Record"
    for name, tensor in record.tensors.items():
        fault = fault_of_tensor(tensor)
        if fault is not None:
            return f"has the tensor {name!r}, which {fault}"
    try:
        plain_json(record.meta, "meta")
    except ValueError as error:
        return f"cannot be stored: {error}"
    wrong = [name for name, text in record.texts.items() if not isinstance(text, str)]
    wrong += [name for name, content in record.files.items() if not isinstance(content, bytes)]
    return f"has neither text nor bytes for the file {wrong[0]!r}" if wrong else None


def fault_of_tensor(tensor: object) -> str | None:
    """Return why a value is no tensor with values that can be stored; ``None`` if it is one."""
    import torch

    if not isinstance(tensor, torch.Tensor):
        return f"is a {type(tensor).__name__}, not a tensor"
    if tensor.layout is not torch.strided or tensor.is_quantized:
        return "is sparse or quantised, not dense"
    return "has no values, because it is on the device 'meta'" if tensor.is_meta else None


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors named ``prefix.name``, so that one record can hold several parts."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors named ``prefix.name`` by their own names; the inverse of ``prefixed``."""
    start = f"{prefix}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def plain_json(value: object, where: str) -> Json:
    """Return a copy of a value as plain JSON; tuples become lists.

    Parameters
    ----------
    value
        Numbers (including subclasses, such as NumPy's doubles), texts, ``None``, and lists and
        dictionaries of them.
    where
        What the value belongs to, for the message.

    Raises
    ------
    ValueError
        If the value contains another type, a key that is not a text, or a number that is not
        finite.
    """
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{where} must be finite, not {value}")
            return float(value)
        case list() | tuple():
            return [plain_json(item, f"{where}[{index}]") for index, item in enumerate(value)]
        case Mapping():
            wrong = [key for key in value if not isinstance(key, str)]
            if wrong:
                raise ValueError(f"{where} has the key {wrong[0]!r}, but keys in JSON are texts")
            return {str(key): plain_json(item, f"{where}[{key!r}]") for key, item in value.items()}
        case _:
            raise ValueError(f"{where} is a {type(value).__name__}, which JSON cannot store")
