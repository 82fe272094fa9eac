"""Turns pydantic's errors into mistakes in plain English."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import filterfalse
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from causalxai.config.fields import known_keys
from causalxai.config.mistake import KeyPath, Mistake
from causalxai.errors import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

# The words after "should"; braces are filled from the error's context.
_EXPECTATIONS: dict[str, str] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "be a number"),
    "finite_number": "be a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "be true or false"),
    "string_type": "be text",
    "string_too_short": "have at least {min_length} characters",
    "string_too_long": "have at most {max_length} characters",
    "string_pattern_mismatch": "match the pattern {pattern}",
    **dict.fromkeys(
        ("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "be a list"
    ),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"),
        "be a mapping",
    ),
    "too_short": "have at least {min_length} entries",
    "too_long": "have at most {max_length} entries",
    "greater_than": "be greater than {gt}",
    "greater_than_equal": "be at least {ge}",
    "less_than": "be less than {lt}",
    "less_than_equal": "be at most {le}",
    "multiple_of": "be a multiple of {multiple_of}",
    "literal_error": "be {expected}",
    "enum": "be {expected}",
    "union_tag_invalid": "be {expected_tags}",
    "none_required": "be null",
    "path_type": "be a path",
    "path_not_file": "be a file that exists",
    "path_not_directory": "be a folder that exists",
}

# The most characters of a value that a message quotes.
_LONGEST = 60

_OTHER_BRANCH = "does not go with the other keys here"


def validate(
    model: type[Model],
    data: Mapping[str, Any],
    at: KeyPath = (),
    context: Mapping[str, Any] | None = None,
) -> tuple[Model | None, list[Mistake]]:
    """Return the validated model, or ``None`` and all mistakes.

    Parameters
    ----------
    model
        The model that the data should fit.
    data
        What the user wrote.
    at
        The path of the data in the spec.
    context
        What validators of the model are told besides the data.
    """
    try:
        return model.model_validate(data, context=context), []
    except ValidationError as error:
        by_path: dict[KeyPath, list[ErrorDetails]] = {}
        for details in filterfalse(_is_miscount, error.errors(include_url=False)):
            by_path.setdefault(_path(details, data), []).append(details)
        mistakes = [_mistake(model, at, path, group) for path, group in by_path.items()]
        # A key that one branch of a union does not know usually belongs to another branch.
        return None, [m for m in mistakes if m.message != _OTHER_BRANCH] or mistakes


def said(value: Any) -> str:
    """Return a value as an error message quotes it: as YAML writes it; containers by kind only."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        return f"a number of about {int(value.bit_length() * math.log10(2)) + 1} digits"
    text = value if isinstance(value, str) else repr(value)
    if len(text) > _LONGEST:
        return f"{text[:_LONGEST]!r}… ({len(text)} characters)"
    return repr(value)


def shortened(text: str, longest: int = 2 * _LONGEST) -> str:
    """Return a text, or its beginning if it is too long to be shown whole."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def listed(names: Sequence[str]) -> str:
    """Return the installed names, for an error message."""
    return ", ".join(names) or "none is installed"


def _path(details: ErrorDetails, data: Any) -> KeyPath:
    """Return the error's path in the data. Pydantic's path also contains branches of unions."""
    path: KeyPath = ()
    for part in details["loc"]:
        if _has(data, part):
            data = data[part]
            path = (*path, part)
    if details["type"] == "missing":
        return (*path, details["loc"][-1])
    if details["type"].startswith("union_tag"):
        return (*path, details["ctx"]["discriminator"].strip("'"))
    return path


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)


def _is_miscount(details: ErrorDetails) -> bool:
    """Return whether a list is too short only because its wrong entries were not counted."""
    if details["type"] != "too_short":
        return False
    return len(details["input"]) >= int(details["ctx"]["min_length"])


def _mistake(
    model: type[BaseModel], at: KeyPath, path: KeyPath, group: list[ErrorDetails]
) -> Mistake:
    path_in_spec = (*at, *path)
    kinds = {details["type"] for details in group}
    if kinds == {"extra_forbidden"}:
        key, known = str(path[-1]), known_keys(model, path[:-1])
        if key in known:
            return Mistake(path_in_spec, _OTHER_BRANCH)
        return Mistake(path_in_spec, _unknown_key(key, known), kind="unknown")
    if kinds & {"missing", "union_tag_not_found"}:
        return Mistake(path_in_spec, "is missing", kind="missing")
    return Mistake(path_in_spec, _wrong_value([d for d in group if d["type"] != "extra_forbidden"]))


def _unknown_key(key: str, known: Sequence[str]) -> str:
    allowed = f"allowed: {', '.join(known)}" if known else "there is nothing to set here"
    return f"unknown key{did_you_mean(key, known)} ({allowed})"


def _wrong_value(group: list[ErrorDetails]) -> str:
    """Return what a value should be. Each branch of a union has an error of its own."""
    wanted = [_expectation(details) for details in group if details["type"] in _EXPECTATIONS]
    others = [_own_words(details) for details in group if details["type"] not in _EXPECTATIONS]
    if others:
        return " or ".join(dict.fromkeys([*others, *(f"should {words}" for words in wanted)]))
    choices = _either(wanted)
    context = group[0].get("ctx", {})
    value = context.get("tag", group[0]["input"])
    shown = context.get("actual_length", said(value))
    options = re.findall(r"'([^']*)'", choices)
    near = did_you_mean(value, options) if isinstance(value, str) else ""
    return f"should {choices}, not {shown}{near}"


def _expectation(details: ErrorDetails) -> str:
    expectation = _EXPECTATIONS[details["type"]].format(**details.get("ctx", {}))
    return re.sub(r"\b1 entries$", "1 entry", expectation).replace("', '", "' or '")


def _either(wanted: list[str]) -> str:
    """Join ``be a number`` and ``be 'x' or 'y'`` to ``be a number, 'x' or 'y'``."""
    joined = " or ".join(dict.fromkeys(wanted)).replace(" or be ", " or ")
    *others, last = joined.split(" or ")
    return f"{', '.join(others)} or {last}" if others else last


def _own_words(details: ErrorDetails) -> str:
    """Return the message that a validator wrote, or else pydantic's message."""
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Exception):
        return str(cause)
    return details["msg"].removeprefix("Input ")
