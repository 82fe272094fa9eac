"""Finds the fields of pydantic models, also inside lists, unions and nested models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from causalxai.config.mistake import KeyPath

Annotations: TypeAlias = tuple[Any, ...]
"""The types that a value may have: several where models in a union share a field's name."""


def known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the names that a mapping at ``path`` may have, sorted; empty for a free mapping."""
    annotations: Annotations = (model,)
    for key in path:
        annotations = _below(annotations, key)
    return sorted({name for name, _ in _fields(annotations)})


def expand_home(value: Any, annotations: Annotations) -> Any:
    """Expand ``~`` in values of fields that are paths.

    It is done before validation, so that types that look at the disk get the real path.
    """
    if isinstance(value, Mapping):
        return {key: expand_home(item, _below(annotations, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [expand_home(item, annotations) for item in value]
    is_from_home = isinstance(value, str | PurePath) and str(value).startswith("~")
    if is_from_home and _take_path(annotations):
        with suppress(RuntimeError):  # there is no such user; the plugin reports the wrong path
            return str(Path(value).expanduser())
    return value


def _below(annotations: Annotations, key: str | int) -> Annotations:
    """Return the types below a key; the index of a list or a free key does not change them."""
    below = tuple(field.annotation for name, field in _fields(annotations) if name == key)
    return below or annotations


def _fields(annotations: Annotations) -> Iterator[tuple[str, FieldInfo]]:
    for leaf in _leaves(annotations):
        if isinstance(leaf, type) and issubclass(leaf, BaseModel):
            for name, field in leaf.model_fields.items():
                alias = field.validation_alias
                yield alias if isinstance(alias, str) else name, field


def _take_path(annotations: Annotations) -> bool:
    return any(
        isinstance(leaf, type) and issubclass(leaf, PurePath) for leaf in _leaves(annotations)
    )


def _leaves(annotations: Annotations) -> Iterator[Any]:
    for annotation in annotations:
        arguments = get_args(annotation)
        if arguments:
            yield from _leaves(arguments)
        else:
            yield annotation
