"""The base of all plugins, method presets, and the registry that finds them."""

from causalxai.plugin.base import Plugin
from causalxai.plugin.settings import FileToRead, FolderToRead, PluginConfig, folder_of

__all__ = ["FileToRead", "FolderToRead", "Plugin", "PluginConfig", "folder_of"]
