"""The settings of a user's network that say what it takes and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveFloat

from causalxai.errors import DataError, did_you_mean
from causalxai.network.import_folders import importable_from
from causalxai.network.own_code import is_standard
from causalxai.network.preparation import OWN
from causalxai.network.reading import Output
from causalxai.plugin import PluginConfig

_PATH = rf"^({OWN}|[^:]+:[^:.]+)$"


class AdapterSettings(PluginConfig):
    """What is done to images in [0, 1] before a network gets them, and what its answers are."""

    mean: float | list[float] | None = Field(
        default=None,
        description="what is subtracted from the scaled images: a number, or one for each channel",
    )
    std: float | list[float] | None = Field(
        default=None, description="what they are divided by then: a number, or one for each channel"
    )
    scale: PositiveFloat | None = Field(
        default=None, description="what images are multiplied by; 255 if the network takes 0 to 255"
    )
    preprocess: str | None = Field(
        default=None,
        pattern=_PATH,
        description="what prepares a batch in place of mean, std and scale: module:name of a "
        "function, or of an object with mean and std; own for the network's own timm config",
    )
    output: Output = Field(default="logits", description="what the network gives")
    answer: int | str | None = Field(
        default=None,
        description="where the outputs are, if the network returns several tensors: an attribute, "
        "a key or an index",
    )
    classes: list[int] | dict[str, int] | Path | None = Field(
        default=None,
        description="which output is that of each class, if the network has more outputs than "
        "there are classes: their numbers, their numbers by class, or a file with the names of all "
        "outputs",
    )

    @property
    def preprocessing_path(self) -> str | None:
        """The import path of the preprocessing, if it is code."""
        return None if self.preprocess == OWN else self.preprocess

    def unstated(self) -> set[str]:
        """Return the settings of the adapter that have their default values."""
        fields = AdapterSettings.model_fields
        return {name for name in fields if getattr(self, name) == fields[name].default}

    def adapter_settings(self, folder: Path | None) -> dict[str, Any]:
        """Return the settings as ``Classifier`` takes them.

        Parameters
        ----------
        folder
            The folder in which the code of the preprocessing is looked for first.

        Raises
        ------
        DataError
            If the preprocessing cannot be imported.
        """
        given = {name: getattr(self, name) for name in AdapterSettings.model_fields}
        if self.preprocessing_path is not None:
            given["preprocess"] = find_preprocessing(self.preprocessing_path, folder)
        return given

    def digest_of_names(self) -> str:
        """Return a digest of the file with the names of the outputs; empty if there is none.

        Raises
        ------
        DataError
            If the file cannot be read.
        """
        if not isinstance(self.classes, Path):
            return ""
        try:
            return hashlib.sha256(self.classes.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{self.classes}: the names cannot be read: {error}") from error


def find_preprocessing(path: str, folder: Path | None) -> Callable[..., Any]:
    """Import what ``module:name`` names: a function of images, or an object with mean and std.

    Raises
    ------
    DataError
        If the module is one of Python itself, cannot be imported, or has no such name.
    """
    module_name, _, name = path.partition(":")
    if is_standard(module_name):
        raise DataError(f"{path} belongs to Python itself and prepares no images")
    try:
        with importable_from(folder):
            module = import_module(module_name)
    except (Exception, SystemExit) as error:
        # The import runs the user's code, which may raise any exception.
        raise DataError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, name):
        raise DataError(f"{module_name} has no {name!r}{did_you_mean(name, dir(module))}")
    found: Callable[..., Any] = getattr(module, name)
    return found
