"""Reads ``vary`` in a spec: axes, their labels, and what each label overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from causalxai.config.document import Document
from causalxai.config.live import Live
from causalxai.config.messages import said
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.model import long_form
from causalxai.config.overrides import index_of, names_plugin, set_value

Label: TypeAlias = str | int | float
"""Distinguishes the runs along an axis: a name, or the number to which a key is set."""

RESERVED = (
    "control",
    "metric",
    "kind",
    "name",
    "value",
    "low",
    "high",
    "n",
    "status",
    "reason",
    "vocabulary",
    "read",
    "translated",
    "least",
    "most",
    "higher_is_better",
    "seconds",
    "answers",
)
"""The columns of a comparison's table; an axis must not have one of these names."""


@dataclass(frozen=True)
class Variant:
    """One label of an axis.

    Parameters
    ----------
    label
        Its name.
    overrides
        The values that it sets, by key; dots in a key lead into mappings.
    at
        The paths of the overrides in the document, by key.
    control
        Whether it is a control, which should score worse than the methods.
    """

    label: Label
    overrides: Mapping[str, Any]
    at: Mapping[str, KeyPath]
    control: bool = False


@dataclass(frozen=True)
class Axis:
    """One dimension of a grid of runs."""

    name: str
    variants: tuple[Variant, ...] = field(repr=False)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of the spec."""
        return tuple(variant.label for variant in self.variants)

    @property
    def controls(self) -> frozenset[Label]:
        """The labels of controls, which should score worse than the methods."""
        return frozenset(variant.label for variant in self.variants if variant.control)


def read_axes(document: Document) -> tuple[list[Axis], list[Mistake]]:
    """Return the valid axes of a document's ``vary``, and the mistakes in the others."""
    vary = document.data.get("vary")
    if vary is None:
        return [], []
    if not isinstance(vary, Mapping):
        return [], [Mistake(("vary",), f"should be a mapping of axes, not {said(vary)}")]
    axes: list[Axis] = []
    mistakes: list[Mistake] = []
    for name, choices in vary.items():
        at: KeyPath = ("vary", name)
        if name in RESERVED:
            mistakes.append(Mistake(at, "is a column of the table; choose another name"))
        elif isinstance(choices, list) and _varies(name):
            mistakes.append(Mistake(at, "an axis cannot vary 'vary' itself"))
        elif not isinstance(choices, Mapping | list) or not choices:
            wanted = "should be a list of values, or a mapping from labels to what they override"
            mistakes.append(Mistake(at, f"{wanted}, not {_shown(choices)}"))
        else:
            found = list(_variants(name, choices))
            axes.append(Axis(name, tuple(part for part in found if isinstance(part, Variant))))
            mistakes.extend(part for part in found if isinstance(part, Mistake))
    return axes, mistakes


def vary(document: Document, variant: Variant) -> Document:
    """Return the document with the overrides of a label.

    Mappings are merged key by key; lists and other values are replaced. A plugin that is named
    with ``use``, or alone, replaces a different plugin together with its settings; the settings of
    the same plugin are kept.
    """
    leaves = [
        leaf
        for key, value in variant.overrides.items()
        for leaf in _leaves(tuple(key.split(".")), value, variant.at[key])
    ]
    for keys, value, at in leaves:
        if keys[-1] == "use" and names_plugin(keys[:-1]):
            document = _without_other_plugin(document, keys[:-1], value, document.place(at))
    for keys, value, at in leaves:
        below = {path[len(at) :]: p for path, p in document.places.items() if path[: len(at)] == at}
        document = set_value(document, keys, value, {(): document.place(at), **below})
    return document


def _variants(axis: str, choices: Mapping[str, Any] | list[Any]) -> Iterator[Variant | Mistake]:
    return _listed(axis, choices) if isinstance(choices, list) else _labelled(axis, choices)


def _listed(axis: str, values: list[Any]) -> Iterator[Variant | Mistake]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        at: KeyPath = ("vary", axis, index)
        if value is None or isinstance(value, Mapping | list):
            hint = "give it a label: write a mapping from labels to what they override"
            yield Mistake(at, f"should be a number, text, true or false, not {said(value)}; {hint}")
            continue
        label = said(value) if isinstance(value, bool) else value
        if str(label) in seen:
            yield Mistake(at, "occurs twice")
            continue
        seen.add(str(label))
        yield Variant(label, {axis: value}, {axis: at})


def _labelled(axis: str, labels: Mapping[str, Any]) -> Iterator[Variant | Mistake]:
    for label, written in labels.items():
        at: KeyPath = ("vary", axis, label)
        if not isinstance(written, Mapping | None):
            yield Mistake(at, f"should be a mapping of keys to override, not {said(written)}")
            continue
        overrides = dict(written or {})
        control = overrides.pop("control", False)
        if not isinstance(control, bool):
            yield Mistake((*at, "control"), f"should be true or false, not {said(control)}")
            continue
        varying = [key for key in overrides if _varies(key)]
        if varying:
            yield Mistake((*at, varying[0]), "an override cannot vary anything itself")
            continue
        yield Variant(label, overrides, {key: (*at, key) for key in overrides}, control)


def _varies(key: str) -> bool:
    return key.split(".")[0] == "vary"


def _leaves(keys: tuple[str, ...], value: Any, at: KeyPath) -> Iterator[tuple[Any, Any, KeyPath]]:
    """Yield each value that is set: its keys in the spec, the value and where it was written."""
    opened = long_form(value) if names_plugin(keys) else value
    if not isinstance(opened, Mapping):
        yield keys, value, at
        return
    for key, item in opened.items():
        # The name in a plugin's short form has no place of its own.
        yield from _leaves((*keys, key), item, (*at, key) if opened is value else at)


def _without_other_plugin(
    document: Document, keys: tuple[str, ...], name: Any, place: Place
) -> Document:
    found: Any = document.data
    for key in keys:
        if isinstance(found, list):
            index = index_of(key, found)
            found = None if index is None else found[index]
        else:
            found = found.get(key) if isinstance(found, Mapping) else None
    settings = long_form(found)
    is_same = isinstance(settings, Mapping) and settings.get("use") == name
    if is_same or not isinstance(settings, Mapping | Live):
        return document
    return set_value(document, keys, {}, {(): place})


def _shown(value: Any) -> str:
    is_empty = isinstance(value, Mapping | list)
    return said(value).replace("a ", "an empty ") if is_empty else said(value)
