"""The spec of the faces runs as it stands, in small, and on a folder as CelebA is published."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from causalxai import Run, run
from causalxai_glance.discoverer import PREDICTION

SPEC = Path(__file__).parents[3] / "specs" / "paper" / "glance-faces.yaml"
SMALL = [
    "classifier.epochs=1",
    "concepts.latents=13",
    "concepts.channels=16",
    "concepts.batch_size=8",
    "concepts.steps=3",
    "graph.units=4",
    "graph.repeats=0",
    "explain.samples=26",
    "images={count: 2, only: any}",
]
COUNT = 90


def said_in_the_comment() -> list[str]:
    """Return the overrides that the spec's comment gives for photographs."""
    comment = " ".join(
        line.lstrip("# ")
        for line in SPEC.read_text(encoding="utf-8").splitlines()
        if line[:1] == "#"
    )
    quoted = re.findall(r"--set '([^']*)'", comment)
    return [*quoted, *re.findall(r"--set (explain\S+)", comment)]


def write_celeba(folder: Path, names: list[str]) -> None:
    rng = np.random.default_rng(0)
    pictures = folder / "img_align_celeba"
    pictures.mkdir()
    attributes = [str(COUNT), " ".join(names)]
    parts = []
    for row in range(COUNT):
        name = f"{row + 1:06d}.jpg"
        values = rng.random(len(names)) < 0.5
        attributes.append(f"{name} {' '.join('1' if value else '-1' for value in values)}")
        parts.append(f"{name} {2 if row % 5 == 0 else 0}")
        pixels = rng.integers(0, 256, (218, 178, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / name)
    (folder / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")


def check(done: Run, concepts: int, featured: str) -> None:
    assert len(done.graph.nodes) == concepts + 1
    assert {edge.target for edge in done.graph.edges} <= {*done.graph.nodes}
    assert len([edge for edge in done.graph.edges if edge.target == PREDICTION]) == concepts
    report = done.report.read_text(encoding="utf-8")
    assert f"do({featured}) on several images" in report
    assert "What if each attribute were different?" in report
    assert "alignment AUC" in report


@pytest.mark.slow
def test_the_spec_runs_on_few_faces(tmp_path: Path):
    few = ["dataset.count=120", "dataset.test_count=20", *SMALL]
    check(run(SPEC, overrides=few, out=tmp_path), 11, "smiling")


@pytest.mark.slow
def test_it_runs_on_a_folder_of_celeba(tmp_path: Path):
    said = said_in_the_comment()
    names = re.search(r"concepts: \[([^\]]*)\]", said[0])
    assert names is not None
    folder = tmp_path / "celeba"
    folder.mkdir()
    write_celeba(folder, names[1].split(", "))
    said[0] = said[0].replace("FOLDER", str(folder))
    check(run(SPEC, overrides=[*said, *SMALL], out=tmp_path / "runs"), 11, "Smiling")
