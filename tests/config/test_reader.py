from __future__ import annotations

import pytest

from causalxai.config.mistake import Place
from causalxai.config.reader import Reader


def parsed(text: str) -> tuple[object, list[tuple[float, str, str]]]:
    reader = Reader(lambda line: Place("here", line))
    value = reader.parse(text)
    return value, [
        (mistake.place.line, ".".join(map(str, mistake.path)), mistake.message)
        for mistake in reader.mistakes
        if mistake.place is not None
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0),
        ("010", 10),
        ("0x1F", 31),
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("", None),
        ("2020-13-45", "2020-13-45"),
        ("'3'", "3"),
        ("a: [1, {b: .5}]", {"a": [1, {"b": 0.5}]}),
        ("on: <<", {"on": "<<"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)
def test_reads_yaml_1_2(text: str, value: object) -> None:
    assert parsed(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "a: [1\nb: 2",
            2,
            "not valid YAML: expected ',' or ']', but got ':' (while parsing a flow sequence)",
        ),
        ("a: b: c", 1, "not valid YAML: mapping values are not allowed here"),
        ("a:\n  b: 1\n\tc: 2", 3, "a tab cannot indent or separate; use spaces"),
        ("a: 1\nb: '\x01'", 2, "not valid YAML: special characters are not allowed"),
    ],
)
def test_what_is_no_yaml_has_a_line(text: str, line: int, message: str) -> None:
    assert parsed(text) == (None, [(line, "", message)])


@pytest.mark.parametrize(
    ("text", "value", "mistake"),
    [
        (
            "a: 1\nb: {c: 1,\n c: 2}",
            {"a": 1, "b": {"c": 1}},
            (3, "b.c", "is given twice, first at here"),
        ),
        ("a: 1\n3: 4", {"a": 1}, (2, "3", "keys should be text; write '3'")),
        ("a: 1\n? [b]\n: 4", {"a": 1}, (2, "", "keys should be text, not a list or a mapping")),
        ("a: !mine\n  b: 1", {"a": None}, (1, "a", "the tag '!mine' has no meaning here")),
        ("- !mine x", [None], (1, "0", "the tag '!mine' has no meaning here")),
        ("a: !!int x", {"a": None}, (1, "a", "'x' is not what its tag says")),
        ("a: &a\n  b: *a", {"a": {"b": None}}, (2, "a.b", "contains itself")),
    ],
)
def test_reads_on_after_a_mistake(text: str, value: object, mistake: tuple[int, str, str]) -> None:
    assert parsed(text) == (value, [mistake])


def test_notes_the_line_of_every_value() -> None:
    reader = Reader(lambda line: Place("here", line))
    reader.parse("# a comment\na: 1\nb:\n  - x\n  - c: 2\n")
    lines = {path: place.line for path, place in reader.places.items()}
    assert lines == {(): 2, ("a",): 2, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5}


def test_copies_python_data() -> None:
    reader = Reader(lambda _: Place("spec"))
    assert reader.copy({"a": ({"b": 1},), 3: 4}) == {"a": [{"b": 1}]}
    assert [(m.path, m.message) for m in reader.mistakes] == [
        (("3",), "keys should be text, not 3")
    ]
    assert ("a", 0, "b") in reader.places
