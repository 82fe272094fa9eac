"""A name that leaves the API works until it goes, and says so."""

from __future__ import annotations

import sys
import types

import pytest

from causalxai import api
from causalxai.api import Deprecation
from causalxai.api.deprecation import deprecated, old_names
from causalxai.intervention import Intervention

LEAVING = Deprecation(since="0.4", removed_in="0.6", instead="causalxai.intervention:Intervention")
MESSAGE = (
    r"deprecated since causalxai 0\.4 and removed in 0\.6: "
    r"use causalxai\.intervention\.Intervention$"
)


@pytest.fixture(autouse=True)
def leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "DEPRECATED", {"old_home:Do": LEAVING, "old_home:do": LEAVING})


def test_a_name_that_moved_is_still_found_with_a_warning(monkeypatch: pytest.MonkeyPatch):
    module = types.ModuleType("old_home")
    module.__getattr__ = old_names("old_home")  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "old_home", module)
    with pytest.warns(DeprecationWarning, match=rf"^old_home\.Do is {MESSAGE}") as caught:
        from old_home import Do  # type: ignore[import-not-found]
    assert Do is Intervention
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="module 'old_home' has no attribute 'Undo'"):
        module.Undo  # noqa: B018


def test_a_function_that_stays_until_it_goes_warns_when_it_is_called():
    @deprecated("old_home", "do")
    def do(value: int) -> int:
        return value + 1

    with pytest.warns(DeprecationWarning, match=rf"^old_home\.do is {MESSAGE}"):
        assert do(1) == 2


def test_a_class_warns_when_an_instance_is_made():
    @deprecated("old_home", "Do")
    class Do:
        pass

    with pytest.warns(DeprecationWarning, match=rf"^old_home\.Do is {MESSAGE}"):
        assert isinstance(Do(), Do)


def test_nothing_is_deprecated_without_its_line():
    with pytest.raises(KeyError, match="old_home:undo"):
        deprecated("old_home", "undo")
