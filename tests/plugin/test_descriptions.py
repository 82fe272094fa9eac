from __future__ import annotations

from pydantic import Field

from causalxai.plugin import PluginConfig
from causalxai.plugin.descriptions import field_descriptions


class Sizes(PluginConfig):
    """Sizes.

    Parameters
    ----------
    height, width
        In pixels,
        both of them.
    depth
        In metres.

    Attributes
    ----------
    area_
        This is no parameter.
    """

    height: int = 1
    width: int = 1
    depth: int = Field(1, description="as the field says")


class Deeper(Sizes):
    """Sizes of something deep.

    Parameters
    ----------
    width
        In feet.
    """

    length: int = 1


class Undocumented(Sizes):
    pass


def test_an_entry_may_be_about_several_parameters() -> None:
    assert field_descriptions(Sizes) == {
        "height": "In pixels, both of them.",
        "width": "In pixels, both of them.",
        "depth": "In metres.",
    }


def test_own_descriptions_replace_inherited_ones() -> None:
    assert field_descriptions(Deeper)["width"] == "In feet."
    assert field_descriptions(Deeper)["height"] == "In pixels, both of them."
    assert field_descriptions(Undocumented) == field_descriptions(Sizes)


def test_the_schema_has_them_except_where_the_field_has_its_own() -> None:
    fields = Deeper.model_json_schema()["properties"]
    told = {name: field.get("description") for name, field in fields.items()}
    assert told == {
        "height": "In pixels, both of them.",
        "width": "In feet.",
        "depth": "as the field says",
        "length": None,
    }
