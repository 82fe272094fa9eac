"""What every plugin promises."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from causalxai.plugin import Plugin
from causalxai.testing.bench import Bench, check


@check
def config_rejects_unknown_keys(bench: Bench[Plugin]) -> None:
    """Require a misspelt setting to be an error, never ignored."""
    with bench.refuses(ValidationError, "a setting that the Config does not know"):
        type(bench.plugin)(**_settings(bench), no_such_setting=1)


@check
def constructor_takes_the_config(bench: Bench[Plugin]) -> None:
    """Require an instance of ``Config`` to be all that a plugin is made from."""
    made = type(bench.plugin)(bench.plugin.config)
    bench.require(made.config == bench.plugin.config, "made from a config, it has another one")
    no_config: Any = {}
    with bench.refuses(TypeError, "a dict in the place of its Config"):
        type(bench.plugin)(no_config)


@check
def constructor_takes_keywords(bench: Bench[Plugin]) -> None:
    """Require the same settings as keywords to make the same plugin; both at once are an error."""
    made = type(bench.plugin)(**_settings(bench))
    bench.require(made.config == bench.plugin.config, "made from keywords, it has other settings")
    with bench.refuses(TypeError, "a config and keywords at once"):
        type(bench.plugin)(bench.plugin.config, no_such_setting=1)


@check
def identity_is_plain_text(bench: Bench[Plugin]) -> None:
    """Require what results are filed under to be plain text that doesn't change by itself."""
    config = json.dumps(bench.plugin.portable_config(), allow_nan=False)
    again = json.dumps(bench.fresh().portable_config(), allow_nan=False)
    bench.require(config == again, "two plugins with one config have two portable configs")
    fingerprint = bench.plugin.fingerprint()
    bench.require(isinstance(fingerprint, str), "the fingerprint is not a text")
    bench.require(fingerprint == bench.fresh().fingerprint(), "the fingerprint changes by itself")


def _settings(bench: Bench[Plugin]) -> dict[str, Any]:
    config = bench.plugin.config
    return {**config.model_dump(by_alias=True, round_trip=True), **config.held_objects()}


PLUGIN_CHECKS = (
    config_rejects_unknown_keys,
    constructor_takes_the_config,
    constructor_takes_keywords,
    identity_is_plain_text,
)
