from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from causalxai.errors import ContractError
from causalxai.network.class_columns import class_columns

NAMES = ("tabby", "crane bird")


def test_the_outputs_are_the_classes_unless_it_is_said():
    assert class_columns(None, NAMES) is None


def test_numbers_and_mappings_name_the_outputs():
    assert class_columns([281, 134], NAMES) == (281, 134)
    assert class_columns({"crane bird": 1, "other": 2, "tabby": 0}, NAMES) == (0, 1)


def test_arrays_and_the_names_of_all_outputs_are_understood():
    for numbers in (np.array([281, 134]), torch.tensor([281, 134]), list(np.array([281, 134]))):
        found = class_columns(numbers, NAMES)
        assert found == (281, 134) and all(type(number) is int for number in found)
    assert class_columns({"tabby": np.int64(3), "crane bird": 1}, NAMES) == (3, 1)
    assert class_columns({2: "tabby, tabby cat", 0: "dog", 1: "crane_bird"}, NAMES) == (2, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.txt", "dog\nCrane_Bird\ntabby\n"),
        ("names.txt", "dog\ncrane, crane bird\ntabby, tabby cat\n\n"),
        ("synset_words.txt", "n00000001 dog\nn00000002 crane bird\nn00000003 tabby, tabby cat\n"),
        ("names.json", json.dumps(["dog", "crane bird", "tabby"])),
        ("names.json", json.dumps({"2": "tabby", "1": "crane bird", "0": "dog"})),
        ("names.json", json.dumps({"tabby": 2, "crane bird": 1, "dog": 0})),
        (
            "names.json",
            json.dumps({str(i): [f"n0000000{i}", n] for i, n in enumerate(["dog", *NAMES[::-1]])}),
        ),
    ],
)
def test_a_file_names_all_outputs(tmp_path: Path, name: str, content: str):
    path = tmp_path / name
    path.write_text(content)
    assert class_columns(path, NAMES) == class_columns(str(path), NAMES) == (2, 1)


def test_folders_may_be_called_by_the_numbers_of_wordnet(tmp_path: Path):
    path = tmp_path / "synset_words.txt"
    path.write_text("n02123045 tabby, tabby cat\nn02012849 crane\n")
    assert class_columns(path, ("n02012849", "n02123045")) == (1, 0)


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (3, "numbers of outputs in the order of the class names, .*, not 3"),
        ({1, 2}, "numbers of outputs in the order of the class names, .*, not {1, 2}"),
        ({1: "tabby", 2: "crane bird"}, "from 0 on, without a gap"),
        ({0: "dog", 1: "crane bird"}, "classes has no class 'tabby'"),
        ([1], "classes has 1 numbers, but there are 2 class names"),
        ([1, -1], "counted from 0, not -1"),
        ([1, "a"], "counted from 0, not 'a'"),
        ([True, 2], "counted from 0, not True"),
        ([1, 1], "output 1 cannot be each of the classes tabby, crane bird"),
        ({"tabby": 1, "crane": 2}, "classes has no 'crane bird'; did you mean 'crane'"),
        ("gone.txt", "gone.txt: the names of the classes cannot be read"),
    ],
)
def test_what_cannot_be_right_is_refused(classes, says: str):
    with pytest.raises(ContractError, match=says):
        class_columns(classes, NAMES)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("n.txt", "tabby\ncrane\n", "has no class 'crane bird'; did you mean 'crane'"),
        ("n.txt", "tabby\ncrane bird\nx, crane bird\n", "'crane bird' for the outputs 1, 2"),
        ("n.json", "{", "must be a list of the names"),
        ("n.json", "3", "must be a list of the names"),
        ("n.json", '{"0": "tabby", "2": "crane bird"}', "must be a list of the names"),
    ],
)
def test_a_file_that_does_not_tell_is_refused(tmp_path: Path, name: str, content: str, says: str):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ContractError, match=says):
        class_columns(path, NAMES)
