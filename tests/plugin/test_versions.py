"""A package states the version of its plugins, and is not imported for it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from causalxai.plugin import registry
from causalxai.plugin.versions import stated_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a package in it; both raise an error when they are imported."""
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "stating" / "inner"
    folder.mkdir(parents=True)
    for place in (folder.parent, folder):
        (place / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    return folder.parent


def state(folder: Path, line: str) -> None:
    source = f"{line}\nraise RuntimeError('imported')\n"
    (folder / "__init__.py").write_text(source, encoding="utf-8")


def test_a_package_that_states_none_has_none(package: Path):
    assert stated_version("stating.inner.part") is None
    assert stated_version("no_such_package.part") is None


def test_the_innermost_package_that_states_a_version_counts(package: Path):
    state(package, '__version__ = "1.2"')
    state(package / "inner", '__version__: str = "3.4"')
    assert stated_version("stating") == "1.2"
    assert stated_version("stating.part") == "1.2"
    assert stated_version("stating.inner.part") == "3.4"


def test_an_outer_version_holds_for_packages_without_their_own(package: Path):
    state(package, '__version__ = "1.2"')
    assert stated_version("stating.inner.part") == "1.2"


@pytest.mark.parametrize(
    "line", ["__version__ = version('stating')", "__version__ = 3", "def broken(:", "x = '1.0'"]
)
def test_what_is_no_literal_is_no_statement(package: Path, line: str):
    state(package, line)
    assert stated_version("stating.part") is None


def test_a_module_alone_may_state_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "alone.py").write_text("__version__ = '0.7'\n", encoding="utf-8")
    assert stated_version("alone") == "0.7"


def test_every_built_in_states_its_own_version():
    for group in registry.GROUPS:
        for plugin in registry.found(group):
            if plugin.distribution == "causalxai":
                top, *inner = plugin.target.partition(":")[0].split(".")
                holder = f"causalxai.{inner[0]}" if top == "causalxai" else top
                assert plugin.version == import_module(holder).__version__, plugin
