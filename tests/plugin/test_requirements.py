"""The requirements of a plugin's distribution are looked at before the plugin is imported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from causalxai.errors import PluginError
from causalxai.plugin import requirements
from causalxai.plugin.provenance import Provenance


@pytest.fixture
def requiring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a check of a distribution with a requirement."""

    def check(requirement: str, name: str = "needy") -> None:
        info = tmp_path / "needy-1.0.dist-info"
        info.mkdir()
        metadata = (
            f"Metadata-Version: 2.1\nName: needy\nVersion: 1.0\nRequires-Dist: {requirement}\n"
        )
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        requirements._fault.cache_clear()
        origin = Provenance("metrics", "part", name, "1.0", "needy:Part")
        requirements.require_requirements(origin)

    yield check
    requirements._fault.cache_clear()


@pytest.mark.parametrize(
    ("requirement", "fault"),
    [
        ("causalxai>=99", "requires causalxai>=99, but causalxai "),
        ("numpy<1", "requires numpy<1, but numpy "),
        ("no-such-distribution", "requires no-such-distribution, which is not installed"),
        ("causalxai>=", "has a requirement that cannot be read: 'causalxai>='"),
    ],
)
def test_what_is_missing_is_told(requiring, requirement: str, fault: str):
    told = re.escape(f"'part' (metrics) of needy 1.0 {fault}")
    with pytest.raises(PluginError, match=told):
        requiring(requirement)


@pytest.mark.parametrize(
    "requirement",
    [
        "causalxai>=0.1",
        "numpy",
        "no-such-distribution; extra == 'more'",
        "no-such-distribution; sys_platform == 'amiga'",
    ],
)
def test_what_is_there_or_not_for_this_place_is_no_fault(requiring, requirement: str):
    requiring(requirement)


def test_parts_that_are_not_installed_have_no_known_requirements(requiring):
    requiring("no-such-distribution", name="unknown distribution")
