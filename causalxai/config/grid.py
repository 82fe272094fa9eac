"""Grids: expands a spec with ``vary``, or several specs, to single runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

from causalxai.config.document import Document, as_problems, read_document
from causalxai.config.limits import NAME, RUNS
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
        The spec of the run; its name contains the labels.
    control
        Whether one of its labels is a control, which should score worse than the methods.
    """

    labels: Mapping[str, Label]
    spec: ResolvedSpec
    control: bool = False

    def __str__(self) -> str:
        labels = ", ".join(f"{axis}: {label}" for axis, label in self.labels.items())
        return labels or self.spec.name


@dataclass(frozen=True)
class Grid:
    """All runs of a comparison: the product of its axes; the first axis varies slowest.

    Parameters
    ----------
    name
        The comparison's name.
    axes
        The axes; a spec without ``vary`` is a grid of one run without axes.
    cells
        The runs.
    data
        The content of a single spec that asks for the same runs.
    """

    name: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    data: Mapping[str, Any] = field(repr=False)

    def to_yaml(self) -> str:
        """Return an equivalent spec in YAML."""
        return as_yaml(self.data)


def load_grid(
    source: Source | Sequence[Source],
    overrides: Sequence[str] = (),
    *,
    trust_code: bool = False,
    may_ask_nothing: bool = False,
) -> Grid:
    """Read a spec with ``vary``, and check each of its runs.

    Parameters
    ----------
    source
        A YAML file or a mapping. If there are several, their names are the labels of an axis
        ``spec``.
    overrides
        ``key.key=value`` strings, which are set in all runs before the axes override anything.
    trust_code
        Whether files may name code to run. Mappings and overrides are the caller's own, and may.
    may_ask_nothing
        Whether a spec may have nothing but a data set and a classifier, because it is not run.

    Raises
    ------
    SpecError
        If the spec of any run has mistakes; it lists each mistake once, with the runs it is in.
    """
    if isinstance(source, str | Path | Mapping):
        document = apply_overrides(read_document(source), overrides)
    else:
        document = _joined([apply_overrides(read_document(each), overrides) for each in source])
    axes, mistakes = read_axes(document)
    mistakes += _too_large(axes)
    runs_of: dict[tuple[Place, Mistake], list[Sequence[Label]]] = {}
    cells = []
    if all(axis.variants for axis in axes) and ("vary",) not in [each.path for each in mistakes]:
        for variants in product(*(axis.variants for axis in axes)):
            cell = _cell_document(document, variants)
            spec, wrong = examine(
                cell, in_grid=True, trust_code=trust_code, may_ask_nothing=may_ask_nothing
            )
            for place, mistake in wrong:
                # A value that is set in several cells has the same mistake in all of them.
                runs_of.setdefault((place, replace(mistake, place=None)), []).append(
                    [variant.label for variant in variants]
                )
            if spec is not None:
                cells.append(_cell(spec, axes, variants))
    placed = [
        (place, replace(mistake, message=mistake.message + _where(axes, runs)))
        for (place, mistake), runs in runs_of.items()
    ]
    if mistakes or placed:
        known = {(place, mistake.message) for place, mistake in placed}
        further = document.placed([*document.mistakes, *mistakes])
        placed += [(place, each) for place, each in further if (place, each.message) not in known]
        raise SpecError(as_problems(placed))
    return Grid(str(document.data["name"]), tuple(axes), tuple(cells), document.data)


def _too_large(axes: Sequence[Axis]) -> list[Mistake]:
    runs = prod(len(axis.variants) for axis in axes)
    if runs <= RUNS:
        return []
    message = f"asks for a grid of {runs} runs; at most {RUNS} can be compared"
    return [Mistake(("vary",), message)]


def _cell_document(document: Document, variants: Sequence[Variant]) -> Document:
    """Return the spec of one run; its values keep the places where they were written."""
    whole = document
    for variant in variants:
        whole = vary(whole, variant)
    # The sanity check is a control itself and is of no use for other controls.
    is_control = any(variant.control for variant in variants)
    dropped = {"vary", SANITY} if is_control else {"vary"}
    return replace(whole, data={key: v for key, v in whole.data.items() if key not in dropped})


def _cell(spec: ResolvedSpec, axes: Sequence[Axis], variants: Sequence[Variant]) -> Cell:
    labels = {axis.name: part.label for axis, part in zip(axes, variants, strict=True)}
    slugs = [re.sub(r"[^A-Za-z0-9._-]+", "-", str(label)).strip("-") for label in labels.values()]
    further = [slug for slug in slugs if slug and slug != spec.name]
    # Two runs whose labels start alike may get the same name; their folders also have a digest.
    named = replace(spec, name="-".join([spec.name, *further])[: 2 * NAME])
    return Cell(labels, named, any(variant.control for variant in variants))


def _where(axes: Sequence[Axis], runs: Sequence[Sequence[Label]]) -> str:
    """Return which runs have a mistake; an empty text if all have it."""
    used = [list(dict.fromkeys(labels)) for labels in zip(*runs, strict=True)]
    if prod(map(len, used)) != len(runs):
        pairs = zip(axes, runs[0], strict=True)
        first = ", ".join(f"{axis.name}: {label}" for axis, label in pairs)
        return f" (in {first}, and {len(runs) - 1} more)"
    parts = [
        f"{axis.name}: {', '.join(map(str, labels))}"
        for axis, labels in zip(axes, used, strict=True)
        if len(labels) < len(axis.variants)
    ]
    return f" (in {'; '.join(parts)})" if parts else ""


def _joined(documents: Sequence[Document]) -> Document:
    """Return one document that varies over whole specs."""
    if not documents:
        raise ValueError("there is nothing to compare; give one or more specs")
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
            wrong = f"another spec is called {label!r}, too; give the specs different names"
            mistakes.append(Mistake((*at, "name"), wrong, document.place(("name",))))
            continue
        specs[label] = document.data
        places |= {(*at, *path): place for path, place in document.places.items()}
        placed = document.placed(document.mistakes)
        mistakes += [replace(m, path=(*at, *m.path), place=place) for place, m in placed]
    return Document({**data, "vary": {"spec": specs}}, places, tuple(mistakes))
