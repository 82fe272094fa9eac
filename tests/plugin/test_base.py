from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from causalxai import PluginConfig
from causalxai.plugin import Plugin


class Part(Plugin):
    class Config(PluginConfig):
        size: int = Field(3, ge=1)
        path: Path = Path("here")

    config: Config


class Other(Plugin):
    class Config(PluginConfig):
        pass


def test_settings_may_come_as_a_config_or_as_keywords():
    assert Part(size=5).config == Part(Part.Config(size=5)).config
    assert Part().config.size == 3


@pytest.mark.parametrize("settings", [{"sise": 5}, {"size": 0}, {"size": "many"}])
def test_settings_that_the_config_does_not_know_are_refused(settings: dict[str, object]):
    with pytest.raises(ValidationError, match=next(iter(settings))):
        Part(**settings)


def test_a_config_and_settings_are_one_too_many():
    with pytest.raises(TypeError, match="Part takes either a config or settings, not both"):
        Part(Part.Config(), size=5)


def test_another_plugins_config_is_refused():
    with pytest.raises(TypeError, match=r"Part takes a Part\.Config, not a Other\.Config"):
        Part(Other.Config())


def test_a_config_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Part().config.size = 7


def test_a_plugin_shows_its_settings():
    assert repr(Part(size=5)) == f"Part(size=5, path={Path('here')!r})"


def test_a_portable_config_is_plain_json():
    assert Part(size=5).portable_config() == {"size": 5, "path": "here"}
    assert Part().fingerprint() == ""


def test_a_plugin_looks_at_files_if_it_has_a_path_or_a_fingerprint():
    class Reader(Plugin):
        def fingerprint(self) -> str:
            return "of a file"

    assert Part().looks_at_files()
    assert not Plugin().looks_at_files()
    assert Reader().looks_at_files()
