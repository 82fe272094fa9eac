from __future__ import annotations

from causalxai.config.mistake import Mistake, without_echoes

MISSING = Mistake(("dataset",), "is missing", kind="missing")
MISSPELT = Mistake(("datset",), "unknown key", kind="unknown")
UNREADABLE = Mistake(("graph",), "has a strange tag", kind="unreadable")


def test_a_misspelt_key_is_not_missing_too() -> None:
    assert without_echoes([MISSING, MISSPELT]) == [MISSPELT]


def test_what_is_missing_and_not_misspelt_is_told() -> None:
    elsewhere = Mistake(("graph", "datset"), "unknown key", kind="unknown")
    unlike = Mistake(("colour",), "unknown key", kind="unknown")
    assert without_echoes([MISSING, elsewhere, unlike]) == [MISSING, elsewhere, unlike]


def test_nothing_more_is_said_of_what_cannot_be_read() -> None:
    echo = Mistake(("graph", "use"), "is missing", kind="missing")
    aside = Mistake(("seed",), "should be a whole number, not 'x'")
    assert without_echoes([UNREADABLE, echo, aside]) == [UNREADABLE, aside]
