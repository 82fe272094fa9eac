from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from causalxai.config.document import read_document
from causalxai.config.mistake import Mistake, Place
from causalxai.errors import SpecError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "spec.yaml:1: is empty"),
        ("# nothing but a comment\n", "spec.yaml:1: is empty"),
        ("- a\n- b\n", "spec.yaml:1: should be a mapping, not a list"),
        ("three\n", "spec.yaml:1: should be a mapping, not 'three'"),
        ("a: 1\n\tb: 2\n", "spec.yaml:2: a tab cannot indent or separate; use spaces"),
    ],
)
def test_what_is_no_mapping(write: Callable[[str], str], text: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        read_document(write(text))
    assert str(raised.value) == message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(SpecError) as raised:
        read_document(missing)
    assert str(raised.value) == f"{missing}: cannot be read: No such file or directory"

    with pytest.raises(SpecError) as raised:
        read_document(str(tmp_path))
    assert str(raised.value) == f"{tmp_path}: cannot be read: Is a directory"

    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: größe".encode("latin-1"))
    with pytest.raises(SpecError) as raised:
        read_document(latin)
    assert str(raised.value) == f"{latin}: is not UTF-8 text"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("name: x", encoding="utf-8-sig")
    assert read_document(path).data == {"name": "x"}


def test_the_place_of_what_is_missing_is_that_of_its_mapping(write: Callable[[str], str]) -> None:
    document = read_document(write("name: x\ngraph:\n  use: y\n"))
    assert document.place(("graph", "use")) == Place("spec.yaml:3", 3)
    assert document.place(("graph", "threshold")) == Place("spec.yaml:2", 2)
    assert document.place(("oracle", "use")) == Place("spec.yaml:1", 1)


def test_a_key_that_is_too_long_is_shown_by_its_beginning(write: Callable[[str], str]) -> None:
    document = read_document(write("a: 1\n"))
    (problem,) = document.problems([Mistake(("a", "k" * 100_000), "is unknown")])
    assert str(problem) == f"spec.yaml:1: a.{'k' * 120}… (100000 characters): is unknown"


def test_problems_come_in_the_order_of_the_lines(write: Callable[[str], str]) -> None:
    document = read_document(write("a: 1\nb: 2\nc: 3\n"))
    override = Mistake(("b",), "overridden", Place("--set b=1"))
    problems = document.problems([override, Mistake(("c",), "wrong"), Mistake(("a",), "wrong")])
    assert [str(problem) for problem in problems] == [
        "spec.yaml:1: a: wrong",
        "spec.yaml:3: c: wrong",
        "--set b=1: b: overridden",
    ]


def test_a_mapping_has_no_lines() -> None:
    document = read_document({"a": {"b": 1}})
    assert document.place(("a", "b")) == Place("spec")
