"""Descriptions of a model's fields, read from the numpydoc sections of its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from docstring_parser import numpydoc


def field_descriptions(model: type[object]) -> Mapping[str, str]:
    """Return the description of each parameter that a class documents, by the parameter's name.

    Parameters
    ----------
    model
        A class whose docstring, or that of a class that it inherits from, has a section
        ``Parameters``. An entry may be about several parameters, as in ``count, test_count``.

    Returns
    -------
    Mapping
        Each description in one line of text. A class's own description replaces an inherited one.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        # The text in the class itself, because getdoc would return an inherited one.
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        for entry in numpydoc.parse(text).params:
            if entry.args[0] == "param" and entry.description:
                line = " ".join(entry.description.split())
                found |= dict.fromkeys((name.strip() for name in entry.arg_name.split(",")), line)
    return found
