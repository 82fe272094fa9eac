"""The form in which results are stored: tensors and files beside plain JSON, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True)
class Record:
    """A result as it is stored.

    Parameters
    ----------
    tensors
        By name.
    meta
        Plain JSON.
    texts
        By file name: a report's page, say.
    files
        By file name: pictures, say.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    meta: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
