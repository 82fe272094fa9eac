from __future__ import annotations

from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, field_validator

from causalxai.config.messages import said, validate


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cosine(Strict):
    kind: Literal["cosine"] = "cosine"
    warmup: int = 0


class Step(Strict):
    kind: Literal["step"] = "step"
    every: int = 1


class Everything(Strict):
    whole: int = 0
    number: float = 0.0
    switch: bool = False
    text: str = Field(default="abc", min_length=2, max_length=4, pattern="^a")
    colour: Colour = Colour.RED
    choice: Literal["first", "second", "third"] = "first"
    either: float | Literal["relative", "absolute"] = 0.0
    listed: list[int] = Field(default=[1, 2], min_length=1, max_length=2)
    pair: tuple[str, str] = ("a", "b")
    table: dict[str, float] = Field(default={})
    share: float = Field(default=0.5, gt=0, lt=1)
    count: int = Field(default=2, ge=2, le=8)
    sixteenth: int = Field(default=16, multiple_of=16)
    finite: float = Field(default=0.0, allow_inf_nan=False)
    path: Path = Path()
    file: FilePath | None = None
    tagged: Annotated[Cosine | Step, Field(discriminator="kind")] = Cosine()
    untagged: Cosine | Step | None = None
    steps: list[Step] = Field(default=[])
    even: int | str = 0

    @field_validator("even")
    @classmethod
    def _check(cls, even: int | str) -> int | str:
        if even == 1:
            raise ValueError("should be even")
        return even


class Empty(Strict):
    pass


def told(model: type[BaseModel], data: dict[str, Any]) -> list[str]:
    validated, mistakes = validate(model, data, ("at",))
    assert (validated is None) == bool(mistakes)
    return [f"{'.'.join(map(str, mistake.path))}: {mistake.message}" for mistake in mistakes]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("whole", "three", "should be a whole number, not 'three'"),
        ("whole", 1.5, "should be a whole number, not 1.5"),
        ("whole", None, "should be a whole number, not null"),
        ("whole", [1], "should be a whole number, not a list"),
        ("number", {}, "should be a number, not a mapping"),
        ("switch", "maybe", "should be true or false, not 'maybe'"),
        ("text", 3, "should be text, not 3"),
        ("text", True, "should be text, not true"),
        ("text", "a", "should have at least 2 characters, not 'a'"),
        ("text", "abcde", "should have at most 4 characters, not 'abcde'"),
        ("text", "bcd", "should match the pattern ^a, not 'bcd'"),
        ("colour", "rot", "should be 'red' or 'blue', not 'rot'"),
        (
            "choice",
            "secnd",
            "should be 'first', 'second' or 'third', not 'secnd'; did you mean 'second'?",
        ),
        ("choice", 7, "should be 'first', 'second' or 'third', not 7"),
        (
            "either",
            "relativ",
            "should be a number, 'relative' or 'absolute', not 'relativ'; did you mean 'relative'?",
        ),
        ("listed", 3, "should be a list, not 3"),
        ("listed", [], "should have at least 1 entry, not 0"),
        ("listed", [1, 2, 3], "should have at most 2 entries, not 3"),
        ("table", "x", "should be a mapping, not 'x'"),
        ("share", 0, "should be greater than 0.0, not 0"),
        ("share", 1, "should be less than 1.0, not 1"),
        ("count", 1, "should be at least 2, not 1"),
        ("count", 9, "should be at most 8, not 9"),
        ("sixteenth", 3, "should be a multiple of 16, not 3"),
        ("finite", float("inf"), "should be a finite number, not inf"),
        ("path", 3, "should be a path, not 3"),
        ("file", "nowhere", "should be a file that exists, not 'nowhere'"),
        ("tagged", 3, "should be a mapping, not 3"),
        ("even", 1, "should be even"),
    ],
)
def test_wrong_values(key: str, value: Any, message: str) -> None:
    assert told(Everything, {key: value}) == [f"at.{key}: {message}"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"listed": [1, "x"]}, "listed.1: should be a whole number, not 'x'"),
        ({"table": {"a": "x"}}, "table.a: should be a number, not 'x'"),
        ({"pair": ["a"]}, "pair.1: is missing"),
        (
            {"steps": [{}, {"evry": 1}]},
            "steps.1.evry: unknown key; did you mean 'every'? (allowed: every, kind)",
        ),
        (
            {"tagged": {"kind": "stp"}},
            "tagged.kind: should be 'cosine' or 'step', not 'stp'; did you mean 'step'?",
        ),
        ({"tagged": {"every": 1}}, "tagged.kind: is missing"),
        (
            {"tagged": {"kind": "step", "every": "x"}},
            "tagged.every: should be a whole number, not 'x'",
        ),
        (
            {"tagged": {"kind": "step", "warmup": 1}},
            "tagged.warmup: does not go with the other keys here",
        ),
        (
            {"untagged": {"kind": "cosine", "warmup": "x"}},
            "untagged.warmup: should be a whole number, not 'x'",
        ),
        (
            {"untagged": {"colour": 1}},
            "untagged.colour: unknown key (allowed: every, kind, warmup)",
        ),
    ],
)
def test_deep_inside(data: dict[str, Any], message: str) -> None:
    assert f"at.{message}" in told(Everything, data)


def test_unknown_keys() -> None:
    assert told(Empty, {"x": 1}) == ["at.x: unknown key (there is nothing to set here)"]
    message = "unknown key; did you mean 'kind'? (allowed: every, kind)"
    assert told(Step, {"knd": "step"}) == [f"at.knd: {message}"]


def test_keys_of_different_branches() -> None:
    assert told(Everything, {"untagged": {"warmup": 1, "every": 1}}) == [
        "at.untagged.every: does not go with the other keys here",
        "at.untagged.warmup: does not go with the other keys here",
    ]


def refuse(_: str) -> str:
    raise ValueError("should be nothing at all")


def test_a_branch_that_speaks_for_itself() -> None:
    class Custom(BaseModel):
        value: int | Annotated[str, AfterValidator(refuse)]

    assert told(Custom, {"value": "x"}) == [
        "at.value: should be nothing at all or should be a whole number"
    ]


def test_words_that_are_not_known_lose_their_jargon() -> None:
    class Priced(BaseModel):
        price: Decimal

    assert told(Priced, {"price": "x"}) == ["at.price: should be a valid decimal"]


def test_sound_data_give_the_model() -> None:
    assert validate(Step, {"every": 3}) == (Step(every=3), [])


def test_said() -> None:
    assert [said(value) for value in (None, True, False, 1, "x", (1,), {})] == [
        "null",
        "true",
        "false",
        "1",
        "'x'",
        "a list",
        "a mapping",
    ]
