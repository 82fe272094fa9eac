"""From a spec with ``vary``, or several specs, to the runs that they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

from causalxai.config.document import Document, as_problems, read_document
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.model import SANITY
from causalxai.config.overrides import apply_overrides
from causalxai.config.resolve import examine
from causalxai.config.resolved import ResolvedSpec, as_yaml
from causalxai.config.vary import Axis, Label, Variant, read_axes, vary
from causalxai.errors import SpecError

Source: TypeAlias = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One run of a grid.

    Parameters
    ----------
    labels
        Its label on each axis.
    spec
        What is run; its name has the labels in it.
    control
        Whether one of its labels is a control: something that ought to do worse.
    """

    labels: Mapping[str, Label]
    spec: ResolvedSpec
    control: bool = False

    def __str__(self) -> str:
        told = ", ".join(f"{axis}: {label}" for axis, label in self.labels.items())
        return told or self.spec.name


@dataclass(frozen=True)
class Grid:
    """All runs of a comparison: the product of its axes, the first axis varying slowest.

    Parameters
    ----------
    name
        The comparison's name.
    axes
        What is varied; none for a spec without ``vary``, which is a grid of one run.
    cells
        The runs.
    data
        A spec that says all of this.
    """

    name: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    data: Mapping[str, Any] = field(repr=False)

    def to_yaml(self) -> str:
        """Return a spec that loads as this grid."""
        return as_yaml(self.data)


def load_grid(source: Source | Sequence[Source], overrides: Sequence[str] = ()) -> Grid:
    """Read a spec with ``vary``, and check every run that it stands for.

    Parameters
    ----------
    source
        A YAML file or a mapping; of several, each is a label of the axis ``spec`` by its name.
    overrides
        ``key.key=value`` strings, set in all runs before the axes override anything.

    Raises
    ------
    SpecError
        If any run's spec has mistakes; it tells all of them, each once, and in which runs.
    """
    if isinstance(source, str | Path | Mapping):
        document = apply_overrides(read_document(source), overrides)
    else:
        document = _joined([apply_overrides(read_document(one), overrides) for one in source])
    axes, mistakes = read_axes(document)
    told: dict[tuple[Place, Mistake], list[Sequence[Label]]] = {}
    cells = []
    if all(axis.variants for axis in axes) and ("vary",) not in [each.path for each in mistakes]:
        for variants in product(*(axis.variants for axis in axes)):
            spec, wrong = examine(_cell_document(document, variants), in_grid=True)
            for place, mistake in wrong:
                # The same value set in several cells has mistakes of the same words.
                told.setdefault((place, replace(mistake, place=None)), []).append(
                    [variant.label for variant in variants]
                )
            if spec is not None:
                cells.append(_cell(spec, axes, variants))
    placed = [
        (place, replace(mistake, message=mistake.message + _where(axes, runs)))
        for (place, mistake), runs in told.items()
    ]
    if mistakes or placed:
        known = {(place, mistake.message) for place, mistake in placed}
        further = document.placed([*document.mistakes, *mistakes])
        placed += [(place, each) for place, each in further if (place, each.message) not in known]
        raise SpecError(as_problems(placed))
    return Grid(str(document.data["name"]), tuple(axes), tuple(cells), document.data)


def _cell_document(document: Document, variants: Sequence[Variant]) -> Document:
    """Return the spec of one run, whose values stand where they were written."""
    whole = document
    for variant in variants:
        whole = vary(whole, variant)
    # A control is one already; it need not be asked again.
    is_control = any(variant.control for variant in variants)
    dropped = {"vary", SANITY} if is_control else {"vary"}
    return replace(whole, data={key: v for key, v in whole.data.items() if key not in dropped})


def _cell(spec: ResolvedSpec, axes: Sequence[Axis], variants: Sequence[Variant]) -> Cell:
    labels = {axis.name: part.label for axis, part in zip(axes, variants, strict=True)}
    slugs = [re.sub(r"[^A-Za-z0-9._-]+", "-", str(label)).strip("-") for label in labels.values()]
    further = [slug for slug in slugs if slug and slug != spec.name]
    named = replace(spec, name="-".join([spec.name, *further]))
    return Cell(labels, named, any(variant.control for variant in variants))


def _where(axes: Sequence[Axis], runs: Sequence[Sequence[Label]]) -> str:
    """Say which runs have a mistake; nothing where all have it."""
    used = [list(dict.fromkeys(labels)) for labels in zip(*runs, strict=True)]
    if prod(map(len, used)) != len(runs):
        pairs = zip(axes, runs[0], strict=True)
        first = ", ".join(f"{axis.name}: {label}" for axis, label in pairs)
        return f" (in {first}, and {len(runs) - 1} more)"
    told = [
        f"{axis.name}: {', '.join(map(str, labels))}"
        for axis, labels in zip(axes, used, strict=True)
        if len(labels) < len(axis.variants)
    ]
    return f" (in {'; '.join(told)})" if told else ""


def _joined(documents: Sequence[Document]) -> Document:
    """Return one document that varies over whole specs."""
    if not documents:
        raise ValueError("there is nothing to compare: give one spec or more")
    first, *others = documents
    name = first.data.get("name")
    data: dict[str, Any] = {"causalxai": first.data.get("causalxai"), "name": name, "vary": {}}
    if others:
        data["name"] = f"{name}-and-{len(others)}-more"
    places: dict[KeyPath, Place] = {(): first.places[()]}
    mistakes: list[Mistake] = []
    specs: dict[str, Any] = {}
    for number, document in enumerate(documents):
        label = str(document.data.get("name", number))
        at: KeyPath = ("vary", "spec", label)
        if label in specs:
            wrong = f"another spec is called {label!r}, too; --set or name them apart"
            mistakes.append(Mistake((*at, "name"), wrong, document.place(("name",))))
            continue
        specs[label] = document.data
        places |= {(*at, *path): place for path, place in document.places.items()}
        placed = document.placed(document.mistakes)
        mistakes += [replace(m, path=(*at, *m.path), place=place) for place, m in placed]
    return Document({**data, "vary": {"spec": specs}}, places, tuple(mistakes))
