from __future__ import annotations

from pathlib import Path

import pytest
import torch

from causalxai.errors import DataError
from causalxai.image_data.concept_table import ConceptTable


def table(folder: Path, text: str) -> Path:
    path = folder / "concepts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    text = '\ufefffile, width ,height\nb.png,1,2.5\n\n"a,1.png",-3,4e1\n'
    read = ConceptTable.read(table(tmp_path, text))

    assert read.names == ("width", "height")
    values = read.of(["a,1.png", "b.png"])
    assert torch.equal(values, torch.tensor([[-3.0, 40.0], [1.0, 2.5]]))
    assert values.dtype == torch.float32


@pytest.mark.parametrize(
    "numbers",
    [
        (16777216.0, 16777217.0),
        (1700000000.0, 1700000001.0),
        (1e-40, 2e-40),
        (1e-300, 1e300),
        (0.1, 0.10000000000000002),
    ],
    ids=str,
)
def test_numbers_keep_all_their_digits(tmp_path: Path, numbers: tuple[float, float]) -> None:
    text = "file,number\na.png,{!r}\nb.png,{!r}\n".format(*numbers)
    values = ConceptTable.read(table(tmp_path, text)).of(["a.png", "b.png"])
    assert values.dtype == torch.float64
    assert values[:, 0].tolist() == list(numbers)


def test_an_image_without_a_row_is_named_with_the_nearest(tmp_path: Path) -> None:
    read = ConceptTable.read(table(tmp_path, "file,width\ncat/one.png,1\n"))

    with pytest.raises(DataError, match=r"'cats/one.png'; did you mean 'cat/one.png'"):
        read.of(["cats/one.png"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"concepts.csv: the first line must name"),
        ("file\na.png\n", r"concepts.csv: the first line must name"),
        ("file,width,width\n", r"concepts.csv: the names of concepts must be different"),
        ("file,width,\n", r"concepts.csv: the names of concepts must be different"),
        ("file,width\na.png,1\nb.png,wide\n", r"concepts.csv:3: width: 'wide' is not a number"),
        ("file,width\na.png,nan\n", r"concepts.csv:2: width: 'nan' is not a number"),
        ("file,width\na.png,1e999\n", r"concepts.csv:2: width: '1e999' is not a number"),
        ("file,width\na.png,true\n", r"concepts.csv:2: width: 'true' is not a number"),
        (
            "file,id\na.png,9007199254740992\nb.png,9007199254740993\n",
            r"concepts.csv:3: id: '9007199254740993' has more digits than a 64-bit number keeps",
        ),
        ("file,width\na.png,\n", r"concepts.csv:2: width: '' is not a number"),
        ("file,width\na.png\n", r"concepts.csv:2: 0 values for 1 concepts"),
        ("file,width\na.png,1,2\n", r"concepts.csv:2: 2 values for 1 concepts"),
        ("file,width\na.png,1\n\na.png,2\n", r"concepts.csv:4: 'a.png' is repeated"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ConceptTable.read(table(tmp_path, text))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(b"file,h\xf6he\n")

    for unreadable in (path, tmp_path / "gone.csv"):
        with pytest.raises(DataError, match=rf"{unreadable.name}: cannot be read"):
            ConceptTable.read(unreadable)
