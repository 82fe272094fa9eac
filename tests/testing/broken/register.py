"""The register of toys that break a promise."""

from __future__ import annotations

from collections.abc import Callable

from causalxai.plugin import Plugin

BROKEN: list[tuple[str, str, type[Plugin]]] = []


def breaks(interface: str, *checks: str) -> Callable[[type[Plugin]], type[Plugin]]:
    def register(plugin: type[Plugin]) -> type[Plugin]:
        BROKEN.extend((interface, check, plugin) for check in checks)
        return plugin

    return register
