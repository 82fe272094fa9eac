"""Overrides: values that the command line sets in a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from causalxai.config.document import Document
from causalxai.config.limits import DEPTH, DIGITS, TOO_DEEP, wrong_character
from causalxai.config.live import Live
from causalxai.config.messages import said, shortened
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.model import STAGES, long_form
from causalxai.config.reader import Reader


def apply_overrides(document: Document, overrides: Sequence[str]) -> Document:
    """Set values that are written ``key.key=value``, the value in YAML.

    Missing mappings are created, and a plugin's short form is expanded. A key that is a number is
    an index into a list. Overrides that cannot be applied become mistakes of the document.

    Parameters
    ----------
    document
        The document; it is not changed.
    overrides
        As on the command line after ``--set``; later ones replace earlier ones.
    """
    for override in overrides:
        document = _override(document, override)
    return document


def _override(document: Document, override: str) -> Document:
    place = Place(f"--set {shortened(override, 500)}")
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        message = "should be key=value, as in graph.threshold=0.4"
        return document.noting(Mistake((), message, place))
    if wrong := wrong_character(dotted):
        return document.noting(Mistake((), wrong, place))
    reader = Reader(lambda _line: place)
    value = reader.parse(text)
    if reader.mistakes:
        return document.noting(*(replace(m, path=(*keys, *m.path)) for m in reader.mistakes))
    return set_value(document, keys, value, {(): place})


def set_value(
    document: Document, keys: Sequence[str], value: Any, places: Mapping[KeyPath, Place]
) -> Document:
    """Set one value, as ``apply_overrides`` does.

    Parameters
    ----------
    document
        The document; it is not changed.
    keys
        The path of the value.
    value
        Plain data.
    places
        The place of the value, under ``()``, and those of the values inside it, by their path
        from there.
    """
    if len(keys) > DEPTH:
        return document.noting(Mistake((), TOO_DEEP, places[()]))
    data = deepcopy(dict(document.data))
    try:
        path = _put(data, keys, value)
    except LookupError as error:
        return document.noting(Mistake(tuple(keys), str(error), places[()]))
    kept = {at: old for at, old in document.places.items() if at[: len(path)] != path}
    for end in range(1, len(path)):
        kept.setdefault(path[:end], places[()])
    new = {(*path, *below): place for below, place in places.items()}
    return replace(document, data=data, places={**kept, **new})


def _put(data: dict[str, Any], keys: Sequence[str], value: Any) -> KeyPath:
    """Set a value deep in ``data``; return its path, or raise LookupError with the reason."""
    holder: Any = data
    path: KeyPath = ()
    for key in keys[:-1]:
        step = _step(holder, path, key)
        path = (*path, step)
        inner = _opened(holder.get(step) if isinstance(holder, dict) else holder[step], path)
        holder[step] = inner
        holder = inner
    last = _step(holder, path, keys[-1])
    holder[last] = value
    return (*path, last)


def _step(holder: Any, path: KeyPath, key: str) -> str | int:
    if isinstance(holder, dict):
        return key
    index = index_of(key, holder)
    if index is not None:
        return index
    there = f"{_dotted(path)} has {len(holder)} elements, from 0"
    raise LookupError(f"{there}; there is no {said(key)}")


def index_of(key: str, values: Sequence[Any]) -> int | None:
    """Return the index that a key of an override means, or ``None`` if the list has none such."""
    is_index = key.isdecimal() and len(key) <= DIGITS and int(key) < len(values)
    return int(key) if is_index else None


def _opened(inner: Any, path: KeyPath) -> Any:
    opened = long_form(inner) if names_plugin(path) else inner
    if opened is None:
        return {}
    if isinstance(opened, dict | list):
        return opened
    shown = repr(inner) if isinstance(inner, Live) else said(inner)
    raise LookupError(f"{_dotted(path)} is {shown}, which has no keys")


def names_plugin(path: KeyPath) -> bool:
    """Return whether the value at ``path`` is the choice of a plugin."""
    return path[0] in STAGES if len(path) == 1 else path[:-1] == ("metrics",)


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path))
