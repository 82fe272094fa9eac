"""Settings that name code of the user by an import path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationInfo, model_validator

from causalxai.plugin.settings import FileToRead, PluginConfig, folder_of


class ImportedCode(PluginConfig):
    """Settings that name a network by an import path.

    Parameters
    ----------
    import_path
        ``package.module:Class``, a function that returns the network, or the network itself. Its
        package or module is found in ``import_from``, in the working directory, or on Python's own
        path, in this order.
    import_from
        The folder that is searched first; by default that of the spec file.
    arguments
        The keyword arguments of the class.
    weights
        Its state dict: ``.safetensors``, ``.pt`` or ``.pth``. ``None`` if the class loads its
        weights itself.
    """

    import_path: str | None = Field(default=None, pattern=r"^[^:]+:[^:.]+$")
    import_from: Path | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: FileToRead | None = None

    @model_validator(mode="before")
    @classmethod
    def _look_beside_the_spec(cls, settings: Any, info: ValidationInfo) -> Any:
        folder = folder_of("import_path", info)
        if folder is None or not isinstance(settings, dict):
            return settings
        return {"import_from": folder, **settings}

    def named_code(self) -> dict[str, str]:
        """Return the import path, whose module is imported and run, and its folder."""
        if self.import_path is None:
            return {}
        named = {"import_path": self.import_path}
        if self.import_from is not None:
            named["import_from"] = str(self.import_from)
        return named
