from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from causalxai.capabilities import Capability
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.outline import Outline, concept_index
from causalxai.plugin import registry
from causalxai.seeding import torch_generator

FACES = {"size": 32, "count": 40, "test_count": 10}
MORPHO = {"scenario": "TI", "limit": 30, "test_limit": 10, "size": 16}
SOURCES: list[tuple[str, dict[str, Any]]] = [
    ("digits", {"size": 16}),
    ("digits", {"size": 8, "classes": {"small": [0, 1], "large": [9]}}),
    ("lfw", {"size": 16}),
    ("photographs", {"size": 8, "views": 1}),
    ("cartoon-faces", FACES),
    ("cartoon-faces", {**FACES, "task": "male", "concepts": ["smiling"], "references": 40}),
    ("morpho", MORPHO),
    ("morpho", {**MORPHO, "leave_out": [0, 3], "references": 10}),
    ("colored-digits", {"size": 16, "limit": 30, "test_limit": 10}),
    ("colored-digits", {"classes": {"a": [1], "b": [2]}, "limit": 30, "references": 10}),
    ("parts", {"count": 40, "test_count": 5, "classes": 3}),
    ("parts", {"count": 40, "test_count": 5, "references": 20}),
    ("shapes", {"count": 20, "test_count": 5}),
    ("shapes", {"count": 20, "test_count": 5, "rule": {"cube": False}, "references": 20}),
    ("image-folder", {"size": 8}),
    ("image-folder", {"size": 12, "channels": 1, "concepts": "concepts.csv"}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = ["file,weight"]
    for name in ("cat/1", "cat/2", "cat/3", "ant/1", "ant/2", "ant/3"):
        file = tmp_path / "images" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(255, size=(9, 9, 3), dtype=np.uint8)).save(file)
        lines.append(f"{name}.png,{len(lines)}")
    (tmp_path / "concepts.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize(("name", "settings"), SOURCES)
def test_the_outline_is_that_of_the_loaded_data_set(
    name: str, settings: dict[str, Any], folder: Path
) -> None:
    if name == "image-folder":
        settings = {**settings, "path": folder / "images"}
    if "concepts" in settings and name == "image-folder":
        settings["concepts"] = folder / "concepts.csv"
    source = registry.load("datasets", name)(**settings)
    assert source.outline() == source.load(rng=torch_generator(0)).outline


def test_the_outline_of_mnist_needs_no_files() -> None:
    source = registry.load("datasets", "mnist")(path="gone", classes={"a": [1], "b": [2]})
    assert source.outline() == Outline(("a", "b"), (1, 28, 28))


def test_a_data_set_says_what_it_offers() -> None:
    split = Split(torch.rand(4, 1, 2, 3), torch.tensor([0, 1, 0, 1]))
    assert Dataset(split, split, ("a", "b"), ("x",)).outline == Outline(("a", "b"), (1, 2, 3))
    known = Split(split.images, split.labels, torch.rand(4, 1))
    assert Dataset(known, split, ("a", "b"), ("x",), reference=known).outline == Outline(
        ("a", "b"), (1, 2, 3), ("x",), frozenset({Capability.OBSERVATIONS, Capability.REFERENCE})
    )


def test_a_concept_is_found_by_its_name() -> None:
    assert concept_index("slant", ("thickness", "slant"), "concepts.labelled") == 1


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (("slant", "width"), "; did you mean 'slant'? (there are: slant, width)"),
        ((), " (there are: none)"),
    ],
)
def test_an_unknown_concept_is_refused_with_its_setting(known: tuple[str, ...], told: str) -> None:
    with pytest.raises(CapabilityError) as refused:
        concept_index("slamt", known, "concepts.labelled")
    expected = f"concepts.labelled: the data set has no concept 'slamt'{told}"
    assert str(refused.value) == expected
    assert refused.value.setting == "concepts.labelled"
