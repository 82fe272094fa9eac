"""The guard: whatever a plugin raises, the error names the plugin, the stage and the place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from causalxai.errors import CapabilityError, ContractError, PluginError
from causalxai.plugin import Plugin
from causalxai.plugin.guard import guarded, in_words
from causalxai.plugin.provenance import Provenance

PART = Provenance("explainers", "part", "parts", "1.0", f"{__name__}:Part")
OTHER = Provenance("oracles", "other", "others", "2.0", f"{__name__}:Part")
FILE = r"(tests/plugin/)?test_guard\.py:\d+"


class Part(Plugin):
    """Calls what it is told to."""

    def act(self, what: Callable[[], object]) -> object:
        return what()


class Unspeakable(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


class NotAnException(BaseException):
    """Of a kind that ``except Exception`` does not catch."""


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def act() -> NoReturn:
        raise error

    return act


def part(provenance: Provenance = PART) -> Part:
    made = Part()
    made.provenance = provenance
    return made


def endless() -> object:
    return endless()


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (raising(RuntimeError("boom")), "RuntimeError: boom"),
        (raising(RuntimeError("two\nlines")), "RuntimeError: two lines"),
        (raising(AssertionError()), "AssertionError"),
        (raising(MemoryError("no memory")), "MemoryError: no memory"),
        (raising(StopIteration("end")), "StopIteration: end"),
        (raising(NotAnException("odd")), "NotAnException: odd"),
        (raising(Unspeakable()), r"Unspeakable: \(its message cannot be read\)"),
        (lambda: sys.exit(0), r"it called sys\.exit\(0\)"),
        (lambda: sys.exit("bye"), r"it called sys\.exit\(bye\)"),
        (endless, "RecursionError: .*"),
    ],
)
def test_whatever_is_raised_names_the_plugin_and_the_place(act: Callable[[], object], told: str):
    match = rf"^'part' \(explainers\) of parts 1\.0 failed in explain at {FILE}: {told}$"
    with pytest.raises(PluginError, match=match) as caught, guarded(PART, "explain"):
        part().act(act)
    assert caught.value.__cause__ is not None
    assert caught.value.plugin == str(PART)


def test_the_plugin_whose_code_ran_is_named():
    def asks() -> object:
        return part(OTHER).act(raising(ValueError("no answer")))

    match = (
        r"^'other' \(oracles\) of others 2\.0 failed in metrics\.x at .*: ValueError: no answer$"
    )
    with pytest.raises(PluginError, match=match), guarded(PART, "metrics.x"):
        part().act(asks)


def test_a_broken_contract_names_the_plugin_once():
    with (
        pytest.raises(ContractError, match=rf"^'part' .* 1\.0, in fit at {FILE}: three$") as caught,
        guarded(OTHER, "run"),
        guarded(PART, "fit"),
    ):
        part().act(raising(ContractError("three")))
    assert str(caught.value).count("of parts 1.0") == 1
    named = ContractError(f"{PART}: has spoken")
    with pytest.raises(ContractError, match=r"^'part' .* 1\.0: has spoken$"), guarded(PART, "fit"):
        raise named


def test_what_is_meant_for_the_user_is_let_through():
    with pytest.raises(CapabilityError, match=r"^not with these data$"), guarded(PART, "fit"):
        raise CapabilityError("not with these data")
    with pytest.raises(KeyboardInterrupt), guarded(PART, "fit"):
        raise KeyboardInterrupt


def test_long_messages_are_cut():
    assert len(in_words(ValueError("x" * 10_000))) < 600


def test_calls_are_noted_before_they_are_made(monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr("causalxai.plugin.guard.note_call", told.append)
    with guarded(PART, "explain"):
        assert told == ["'part' (explainers) of parts 1.0, in explain"]
