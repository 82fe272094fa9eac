"""What every plugin is, and how plugins are found."""

from causalxai.plugin.base import Plugin, PluginConfig

__all__ = ["Plugin", "PluginConfig"]
