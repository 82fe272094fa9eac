from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from causalxai import Dataset
from causalxai.errors import DataError


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    rows = []
    for row in range(8):
        Image.new("L", (6, 6), 20 * row).save(tmp_path / f"{row}.png")
        part = "test" if row > 5 else "train"
        rows.append((f"{row}.png", ["dog", "cat"][row % 2], row, row > 3, part))
    return pd.DataFrame(rows, columns=["path", "label", "age", "old", "part"])


def read(frame: pd.DataFrame, root: Path, **settings: Any) -> Dataset:
    return Dataset.from_frame(frame, root=root, size=4, **settings)


def test_a_frame_has_paths_labels_and_concepts(frame: pd.DataFrame, tmp_path: Path):
    data = read(frame, tmp_path, concepts=["age", "old"], test_fraction=0.5)
    assert data.class_names == ("cat", "dog")
    assert data.concept_names == ("age", "old")
    assert (len(data.train), len(data.test), data.held_out) == (4, 4, None)
    for split in (data.train, data.test):
        assert split.concepts is not None
        age, old = split.concepts.T
        torch.testing.assert_close(split.images[:][:, 0, 0, 0] * 255, 20 * age)
        assert torch.equal(old, (age > 3).float())
        assert torch.equal(split.labels, (age % 2 == 0).long())


def test_a_column_may_say_which_images_are_for_the_test(frame: pd.DataFrame, tmp_path: Path):
    data = read(frame, tmp_path, concepts=["age"], part="part", class_names=["dog", "cat"])
    assert data.held_out is True
    assert data.class_names == ("dog", "cat")
    assert data.test.concepts is not None
    assert data.test.concepts.tolist() == [[6], [7]]
    assert data.test.labels.tolist() == [0, 1]


def test_a_csv_file_is_read_as_its_frame(frame: pd.DataFrame, tmp_path: Path):
    frame["label"] = ["NA", "None"] * 4  # Texts that pandas would take for missing values.
    frame.to_csv(tmp_path / "photos.csv", index=False)
    data = Dataset.from_csv(tmp_path / "photos.csv", size=4, concepts=["age"])
    expected = read(frame, tmp_path, concepts=["age"])
    assert data.class_names == ("NA", "None")
    assert torch.equal(data.test.images[:], expected.test.images[:])
    with pytest.raises(DataError, match=r"gone.csv: cannot be read as CSV: "):
        Dataset.from_csv(tmp_path / "gone.csv")


def test_numbers_are_classes_in_their_order(frame: pd.DataFrame, tmp_path: Path):
    frame["label"] = [10, 9] * 4
    assert read(frame, tmp_path).class_names == ("9", "10")


@pytest.mark.parametrize(
    ("column", "values", "settings", "message"),
    [
        ("path", None, {"image": "pth"}, "there is no column 'pth'; did you mean 'path'"),
        ("label", None, {"label": "class"}, "there is no column 'class'"),
        ("path", ["gone.png"] * 8, {}, r"there is no image .*gone.png \(8 of 8 are missing\)"),
        ("label", [*"abababa", None], {}, "row 7 has no 'label'"),
        ("label", ["cat"] * 8, {}, "has one class, 'cat'; a classifier needs two"),
        (
            "label", ["cat", "dgo"] * 4, {"class_names": ["cat", "dog"]},
            "row 1 has the unknown class 'dgo'; did you mean 'dog'",
        ),
        ("age", ["old"] * 8, {"concepts": ["age"]}, "the concept 'age' must be numbers"),
        ("age", [1.0] * 7 + [np.nan], {"concepts": ["age"]}, "row 7 has no 'age'"),
        ("age", [1.0] * 7 + [np.inf], {"concepts": ["age"]}, "row 7 has no finite 'age'"),
        ("part", ["val"] * 8, {"part": "part"}, "row 0 has 'val' in 'part', which must be train"),
    ],
    ids=[
        "column", "label column", "files", "label", "one class", "class", "text", "nan", "inf",
        "part",
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_told(
    frame: pd.DataFrame, tmp_path: Path, column: str, values: Any, settings: Any, message: str
):
    if values is not None:
        frame[column] = values
    with pytest.raises(DataError, match=f"^the data frame: {message}"):
        read(frame, tmp_path, **settings)


def test_an_empty_table_and_wrong_settings_are_told(frame: pd.DataFrame, tmp_path: Path):
    with pytest.raises(DataError, match="the data frame: has no rows"):
        read(frame[:0], tmp_path)
    with pytest.raises(DataError, match="background: "):
        read(frame, tmp_path, background="pinkish")


def test_repeated_images_are_told(
    frame: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "7.png").write_bytes((tmp_path / "1.png").read_bytes())
    read(frame, tmp_path, part="part")
    assert "1 of 2 test images have the same pixels as a training image" in caplog.text
