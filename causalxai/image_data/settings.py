"""Settings of the reading of images, and their check when they come from Python."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, TypeVar

from PIL import ImageColor
from pydantic import Field, ValidationError, field_validator

from causalxai.errors import DataError
from causalxai.image_data.reading import Fit, Look
from causalxai.plugin import FileToRead, FolderToRead, PluginConfig


class Reading(TypedDict, total=False):
    """How the images of a table are read; as in ``Dataset.from_folder``."""

    size: int
    channels: Literal[1, 3]
    fit: Fit
    background: str
    test_fraction: float


Settings = TypeVar("Settings", bound=PluginConfig)


class LookSettings(PluginConfig):
    """What images are made into, and how many are drawn for the test.

    Parameters
    ----------
    size
        Height and width in pixels.
    channels
        3 for colour, 1 for grey.
    fit
        What is done to an image that is not square: ``crop`` cuts the ends of the longer side
        off, ``pad`` adds background at the shorter one, ``stretch`` changes the proportions.
    background
        The colour behind transparent pixels and in the padding: a name or a code of CSS.
    test_fraction
        The share of each class that is drawn for the test, where the parts are not given.
    """

    size: int = Field(64, ge=1, le=2048)
    channels: Literal[1, 3] = 3
    fit: Fit = "crop"
    background: str = "white"
    test_fraction: float = Field(0.25, gt=0, lt=1)

    @field_validator("background")
    @classmethod
    def _is_a_colour(cls, background: str) -> str:
        if len(ImageColor.getrgb(background)) != 3:
            raise ValueError(f"the background must be opaque, and {background!r} is not")
        return background

    @property
    def look(self) -> Look:
        """What images are made into."""
        return Look(self.size, self.channels, self.fit, self.background)


class FolderSettings(LookSettings):
    """Where the images of a folder are, in addition to what they are made into.

    Parameters
    ----------
    path
        The folder of the class folders.
    concepts
        A CSV file of measured concepts: the file's path below ``path``, then a number for
        each concept, which the header names.
    graph
        The true causal graph over the concepts: ``.graphml``, ``.dot`` or ``.json``.
    """

    path: FolderToRead
    concepts: FileToRead | None = None
    graph: FileToRead | None = None


def checked(settings: type[Settings], **given: Any) -> Settings:
    """Return settings that come from Python.

    Raises
    ------
    DataError
        If one is of a wrong type or out of range.
    """
    try:
        return settings(**given)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise DataError("; ".join(wrong)) from error
