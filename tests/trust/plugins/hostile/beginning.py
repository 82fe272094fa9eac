"""Explainers that misbehave before they explain: with their settings, when built, when filed."""

from __future__ import annotations

import os
import sys
from typing import Any

from causalxai.plugin import PluginConfig
from hostile.explaining import Good


class RaisesWhenBuilt(Good):
    def __init__(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("boom")


class ExitsWhenBuilt(Good):
    def __init__(self, *_: Any, **__: Any) -> None:
        sys.exit(0)


class EndsTheProcessWhenBuilt(Good):
    def __init__(self, *_: Any, **__: Any) -> None:
        os._exit(0)


class RaisesWhenAskedForNeeds(Good):
    @property
    def requires(self) -> Any:
        raise RuntimeError("boom")


class NeedsWhatIsUnknown(Good):
    requires: Any = frozenset({"luck"})


class RaisesInItsFingerprint(Good):
    def fingerprint(self) -> str:
        raise RuntimeError("boom")


class HasNoTextAsFingerprint(Good):
    def fingerprint(self) -> Any:
        return object()


class RaisesInItsPortableConfig(Good):
    def portable_config(self) -> dict[str, object]:
        raise RuntimeError("boom")


class HasAnObjectInItsPortableConfig(Good):
    def portable_config(self) -> dict[str, object]:
        return {"x": object()}


class RaisesInItsValidator(Good):
    class Config(PluginConfig):
        """Settings that cannot be made."""

        def model_post_init(self, _: Any) -> None:
            raise RuntimeError("boom")


class ExitsInItsValidator(Good):
    class Config(PluginConfig):
        """Settings that end the program."""

        def model_post_init(self, _: Any) -> None:
            sys.exit(0)
