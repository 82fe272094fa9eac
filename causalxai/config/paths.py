"""Finds the settings of a part that name files and folders which are not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from causalxai.config.mistake import KeyPath, Mistake
from causalxai.plugin.settings import Existing


def missing_paths(config: BaseModel, at: KeyPath) -> Iterator[Mistake]:
    """Yield a mistake for each ``FileToRead`` and ``FolderToRead`` that is not there.

    Such a path may also be a value in a dictionary.

    Parameters
    ----------
    config
        The settings of a part; models inside it are searched, too.
    at
        Their place in the spec.
    """
    for name, field in type(config).model_fields.items():
        value, path = getattr(config, name), (*at, field.alias or name)
        if isinstance(value, BaseModel):
            yield from missing_paths(value, path)
            continue
        named = value.items() if isinstance(value, dict) else [(None, value)]
        kinds = [*field.metadata, *_inside(field.annotation)]
        wanted = [kind for kind in kinds if isinstance(kind, Existing)]
        for key, one in named:
            faults = [_fault(one, kind) for kind in wanted] if isinstance(one, Path) else []
            for fault in filter(None, faults):
                yield Mistake(path if key is None else (*path, key), fault)


def _inside(annotation: Any) -> Iterator[Any]:
    """Yield everything of which a type is made, as the parts of a union."""
    for part in get_args(annotation):
        yield part
        yield from _inside(part)


def _fault(path: Path, wanted: Existing) -> str:
    """Return what is wrong with a path; empty if nothing is."""
    is_folder = path.is_dir()
    if path.is_file() if wanted.kind == "file" else is_folder:
        return ""
    if is_folder or path.exists():
        return f"{path} is a {'folder' if is_folder else 'file'}, not a {wanted.kind}"
    counted = "" if path.is_absolute() else f" (it is relative to {Path.cwd()})"
    return f"{path}: there is no such {wanted.kind}{counted}"
