"""Settings of plugins: whole numbers, finite numbers, and limits on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

LARGEST = {"int": 10**6, "float": 10**9}
"""The bounds, in both directions, of numbers that have no bounds of their own."""

_NOT_A_NUMBER = {"int": "int_type", "float": "float_type"}


def _strict(schema: Any) -> Any:
    """Return a schema in which all numbers, however deep, have bounds and are no booleans."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if isinstance(schema, tuple):
        return tuple(_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if kind in _NOT_A_NUMBER:
        return _number(schema, kind)
    if _is_number_already(schema):
        return schema
    # These hold values of the plugin's own, which may look like parts of a schema.
    own = ("default", "metadata", "expected", "serialization")
    return {key: part if key in own else _strict(part) for key, part in schema.items()}


class _IsNumber:
    """Refuses booleans and texts, which pydantic would turn into numbers."""

    def __init__(self, error: Any) -> None:
        self.error = error

    def __call__(self, value: Any) -> Any:
        if isinstance(value, bool | str | bytes):
            raise PydanticKnownError(self.error)
        return value


def _number(schema: dict[str, Any], kind: str) -> CoreSchema:
    bounds = {"le": LARGEST[kind], "ge": -LARGEST[kind]}
    if schema.keys() & {"le", "lt"}:
        del bounds["le"]
    if schema.keys() & {"ge", "gt"}:
        del bounds["ge"]
    bounded: Any = {**schema, **bounds}
    return core_schema.no_info_before_validator_function(_IsNumber(_NOT_A_NUMBER[kind]), bounded)


def _is_number_already(schema: dict[str, Any]) -> bool:
    function = schema.get("function")
    return isinstance(function, dict) and isinstance(function.get("function"), _IsNumber)


class PluginConfig(BaseModel):
    """Settings that a user writes for a plugin. Unknown keys are errors.

    Numbers are finite, and neither ``true`` nor a text such as ``"3"`` is taken for one. Where a
    field states no bound, the absolute value of a whole number is at most 10⁶ and that of any other
    number at most 10⁹. A field on which much memory depends should state a smaller bound, as in
    ``width: int = Field(64, ge=1, le=512)``. Models inside a config are subclasses of this class,
    too.

    Fields are described either by ``Field(description=...)`` or in the section ``Parameters`` of
    the class's docstring. The JSON Schema of specs shows these descriptions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def named_code(self) -> Mapping[str, str]:
        """Return the settings that name code which the plugin imports and runs, by their names.

        A spec file with such a setting is run only by those who say that they trust it.
        """
        return {}

    def held_objects(self) -> Mapping[str, object]:
        """Return the settings that are objects in memory, which no file can hold, by their names.

        Such a setting is a field with ``exclude=True`` that is ``None`` without an object.
        """
        excluded = [name for name, field in type(self).model_fields.items() if field.exclude]
        held = {name: getattr(self, name) for name in excluded}
        return {name: value for name, value in held.items() if value is not None}

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return pydantic's schema, in which numbers are checked more strictly."""
        schema: CoreSchema = _strict(handler(source))
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return pydantic's JSON Schema, with the descriptions of the class's docstring.

        A field's own ``description`` comes first.
        """
        # Imported here, because only schemas need it and a start of the program does not.
        from causalxai.plugin.descriptions import field_descriptions

        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        told = field_descriptions(cls)
        for name, field in schema.get("properties", {}).items():
            if name in told:
                field.setdefault("description", told[name])
        return reference


@dataclass(frozen=True)
class Existing:
    """Says that a path in a config has to exist when a run begins, and as what."""

    kind: Literal["file", "folder"]


FileToRead: TypeAlias = Annotated[Path, Existing("file")]
"""A setting with a file that a plugin reads; that it is there is checked before a run begins."""
FolderToRead: TypeAlias = Annotated[Path, Existing("folder")]
"""A setting with a folder that a plugin reads; that it is there is checked before a run begins."""


def holds_paths(settings: object) -> bool:
    """Return whether there is a path among settings, however deep."""
    if isinstance(settings, BaseModel):
        settings = dict(settings)
    if isinstance(settings, Mapping):
        settings = tuple(settings.values())
    if isinstance(settings, tuple | list | set | frozenset):
        return any(map(holds_paths, settings))
    return isinstance(settings, PurePath)


_FOLDER_OF = "folder_of"


def folder_of(setting: str, info: ValidationInfo) -> Path | None:
    """Return the folder of the spec file in which a setting is written, for use in a validator.

    Parameters
    ----------
    setting
        The name of the setting.
    info
        What pydantic passes to the validator.

    Returns
    -------
    Path or None
        ``None`` if the setting was not written in a file, but in Python or after ``--set``.
    """
    told: Callable[[str], Path | None] | None = (info.context or {}).get(_FOLDER_OF)
    return None if told is None else told(setting)


def told_of_folders(folder_of: Callable[[str], Path | None]) -> dict[str, Any]:
    """Return the context of a validation whose validators can ask ``folder_of``."""
    return {_FOLDER_OF: folder_of}
