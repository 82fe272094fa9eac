"""Plugins of any kind that break a promise."""

from __future__ import annotations

import uuid
from typing import Any

from pydantic import ConfigDict

from causalxai.plugin import PluginConfig
from causalxai.testing.toys import ToyDiscoverer, ToyExplainer
from tests.testing.broken.register import breaks


@breaks("plugin", "config_rejects_unknown_keys")
class TakesAnySetting(ToyExplainer):
    class Config(PluginConfig):
        model_config = ConfigDict(extra="ignore")

        amount: float = 1.0


@breaks("plugin", "constructor_takes_the_config", "constructor_takes_keywords")
class HasItsOwnConstructor(ToyDiscoverer):
    def __init__(self, anything: Any = None) -> None:
        super().__init__(threshold=0.5)


@breaks("plugin", "identity_is_plain_text")
class IsNeverTheSame(ToyExplainer):
    def fingerprint(self) -> str:
        return str(uuid.uuid4())


@breaks("plugin", "identity_is_plain_text")
class HasAnIdentityOfObjects(ToyExplainer):
    def portable_config(self) -> dict[str, object]:
        return {"amount": object()}
