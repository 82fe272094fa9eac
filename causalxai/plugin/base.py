"""The base of all plugins, and a constructor that takes nothing but a ``Config``."""

from __future__ import annotations

from typing import Any, ClassVar

from causalxai.plugin.provenance import BuiltByHand, Origin, Provenance
from causalxai.plugin.settings import PluginConfig, holds_paths


class Plugin:
    """A part that a spec can name. Subclasses nest their own ``Config`` and annotate ``config``.

    Parameters
    ----------
    config
        An instance of the class's ``Config``; ``None`` to build one from ``settings``.
    **settings
        Settings as keywords: ``Part(threshold=1.0)`` is ``Part(Part.Config(threshold=1.0))``.

    Raises
    ------
    pydantic.ValidationError
        If a setting is unknown or out of range.
    """

    Config: ClassVar[type[PluginConfig]] = PluginConfig
    config: PluginConfig
    provenance: Provenance | None = None
    """Its origin, if a spec has named it; ``None`` for a part that was built by hand."""

    def __init__(self, config: PluginConfig | None = None, /, **settings: Any) -> None:
        if config is not None and settings:
            raise TypeError(f"{type(self).__name__} takes either a config or settings, not both")
        self.config = self.Config(**settings) if config is None else config
        if not isinstance(self.config, self.Config):
            raise TypeError(
                f"{type(self).__name__} takes a {self.Config.__qualname__}, "
                f"not a {type(self.config).__qualname__}"
            )

    @property
    def origin(self) -> Origin:
        """What messages call the part: its name and distribution, or else its class."""
        return self.provenance or BuiltByHand(f"{type(self).__module__}.{type(self).__qualname__}")

    @classmethod
    def class_fault(cls) -> str | None:
        """Return what is wrong with the class's own declarations; ``None`` if nothing is."""
        return None

    def fingerprint(self) -> str:
        """Return a digest of the plugin's inputs that its config does not contain, such as files.

        A path in a config does not say what the file contains. Stored results are reused only if
        the fingerprint is the same.
        """
        return ""

    def looks_at_files(self) -> bool:
        """Return whether what is known before a run depends on files, beside the plugin's code.

        Outlines, networks before their training and all checks are known before a run. ``causalxai
        validate`` remembers that a spec is valid only if none of its parts looks at files. By
        default a plugin does if its settings have a path, or if its class has its own
        ``fingerprint``.
        """
        return type(self).fingerprint is not Plugin.fingerprint or holds_paths(self.config)

    def portable_config(self) -> dict[str, object]:
        """Return the config without settings that depend on the machine, such as paths."""
        return self.config.model_dump(mode="json")

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.config)
        return f"{type(self).__name__}({settings})"
