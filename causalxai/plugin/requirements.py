"""The requirements of plugins' distributions, which an installer may have ignored."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement

from causalxai.errors import PluginError
from causalxai.plugin.provenance import Provenance

_CORE = "causalxai"


def require_requirements(plugin: Provenance) -> None:
    """Check that what a plugin's distribution requires is installed.

    Requirements of extras and of other platforms don't count. The core's own distribution is not
    examined.

    Raises
    ------
    PluginError
        If a requirement is not installed, or is of another version.
    """
    fault = None if plugin.distribution == _CORE else _fault(plugin.distribution)
    if fault is not None:
        raise PluginError(f"{plugin} {fault}")


@cache
def _fault(distribution: str) -> str | None:
    try:
        written = requires(distribution) or []
    except PackageNotFoundError:
        # A plugin may be on the path without being installed; its requirements are then unknown.
        return None
    for text in written:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            return f"has a requirement that cannot be read: {text!r}"
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = f"requires {requirement.name}{requirement.specifier}"
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            return f"{wanted}, which is not installed"
        if not requirement.specifier.contains(installed, prereleases=True):
            return f"{wanted}, but {requirement.name} {installed} is installed"
    return None
