"""The form in which results are stored: tensors beside plain JSON, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Record:
    """A result as it is stored: named tensors, JSON and texts (a report, say)."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    meta: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
