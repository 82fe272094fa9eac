from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causalxai.config.document import read_document
from causalxai.config.grid import load_grid
from causalxai.config.limits import BYTES, DEPTH, KEYS, RUNS, VALUES, wrong_character
from causalxai.errors import SpecError

Write = Callable[[str], str]

LAUGHS = "\n".join(
    ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
)
CHAIN = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, DEPTH + 9))])
TOO_DEEP = f"is nested deeper than {DEPTH} levels"
TOO_MANY = f"has more than {VALUES} values, those that aliases repeat included"


def told(source: str | dict[str, Any]) -> str:
    with pytest.raises(SpecError) as raised:
        read_document(source)
    (problem,) = raised.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: " + "[" * 10_000, f"spec.yaml:2: {TOO_DEEP}"),
        ("{" * 10_000, f"spec.yaml:1: {TOO_DEEP}"),
        ("- " * 10_000, f"spec.yaml:1: {TOO_DEEP}"),
        ("? " * 10_000, f"spec.yaml:1: {TOO_DEEP}"),
        (CHAIN, f"spec.yaml:1: {TOO_DEEP}"),
        (LAUGHS, f"spec.yaml:1: {TOO_MANY}"),
        (f"a: [{'x,' * 3 * VALUES}]", f"spec.yaml:1: {TOO_MANY}"),
        ("a: x" + " " * BYTES, f"spec.yaml: has more than {BYTES} bytes, too many for a spec"),
        (
            'a: 1\nb: "\\UFFFFFFFF"',
            "spec.yaml:2: not valid YAML: an escape such as \\U00110000 does not stand for any "
            "character",
        ),
    ],
)
def test_a_document_beyond_a_limit_is_refused(write: Write, text: str, problem: str):
    assert told(write(text)) == problem


def test_a_document_within_the_limits_is_read(write: Write):
    deep = "[" * (DEPTH - 2) + "]" * (DEPTH - 2)
    wide = "".join(f"  k{n}: *x\n" for n in range(KEYS))
    data = read_document(write(f"a: {deep}\nx: &x 1\nwide:\n{wide}")).data
    assert data["wide"] == {f"k{n}": 1 for n in range(KEYS)}


def test_python_data_have_the_same_limits():
    endless: dict[str, Any] = {}
    endless["a"] = endless
    laughs: list[Any] = ["x"]
    for _ in range(8):
        laughs = [laughs] * 9
    assert told(endless) == f"spec: {TOO_DEEP}"
    assert told({"a": laughs}) == f"spec: {TOO_MANY}"
    document = read_document({"a": {str(n): 0 for n in range(KEYS + 1)}, "b\0": 1, "c": "\ud800"})
    assert [(mistake.path, mistake.message) for mistake in document.mistakes] == [
        (("a",), f"has more than {KEYS} keys"),
        (("b\0",), "contains U+0000, which is not a character of any text"),
        (("c",), "contains U+D800, which is not a character of any text"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 9" + "9" * 100, "is a number of more than 100 digits"),
        ("a: 0x" + "f" * 9_000, "is a number of more than 100 digits"),
        ('a: "b\\0c"', "contains U+0000, which is not a character of any text"),
        ('"a\\e[31m": 1', "contains U+001B, which is not a character of any text"),
        ('a: ["\\ud800"]', "contains U+D800, which is not a character of any text"),
    ],
)
def test_a_value_beyond_a_limit_is_a_mistake(write: Write, text: str, message: str):
    document = read_document(write("b: 1\n" + text))
    (problem,) = document.problems(document.mistakes)
    assert problem.where == "spec.yaml:2"
    assert problem.message == message
    assert document.data["b"] == 1


def test_what_files_can_hold_is_no_wrong_character():
    assert wrong_character("a\tb\nc\r ä \x7f 😀 \u202e") is None


def test_a_grid_has_a_limited_number_of_runs(minimal: dict[str, Any]):
    vary = {"seed": list(range(RUNS)), "classifier.epochs": [1, 2]}
    with pytest.raises(SpecError) as raised:
        load_grid({**minimal, "vary": vary})
    assert str(raised.value) == (
        f"spec: vary: asks for a grid of {2 * RUNS} runs; at most {RUNS} can be compared"
    )


def test_a_message_lists_a_limited_number_of_mistakes(mistakes: Callable[..., list[str]]):
    lines = mistakes({"causalxai": 1, "name": "x", **{f"wrong{n}": n for n in range(500)}})
    assert len(lines) == 101
    assert lines[-1] == "spec: here and below are 403 more mistakes"


def test_a_path_that_no_file_system_has_is_refused(tmp_path: Path):
    assert told(f"{tmp_path}/a\0b").endswith("a\\x00b: cannot be read: embedded null byte")
