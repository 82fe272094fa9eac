from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from causalxai import Run
from causalxai.cli import app
from causalxai.errors import NotStoredError


@pytest.fixture
def picture(finished: Run, tmp_path: Path) -> Path:
    """One of the run's images as a file, whose 8 bits round it."""
    file = tmp_path / "digit.png"
    pixels = (finished.explanation.images[0, 0] * 255).round().to(torch.uint8).cpu().numpy()
    Image.fromarray(pixels).save(file)
    return file


def explain_image(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["explain-image", *map(str, arguments)])


def test_a_picture_is_explained_as_the_run_explained_its_own(
    finished: Run, picture: Path, tmp_path: Path
):
    figure, page = tmp_path / "maps.png", tmp_path / "images.html"
    done = explain_image(
        *(finished.directory, picture, "--target", "7", "--most", "3", "--json"),
        *("--figure", figure, "--html", page),
    )
    assert done.exit_code == 0, done.output
    (told,) = json.loads(done.stdout)["images"]
    rounded = (finished.explanation.images[:1] * 255).round() / 255
    expected = finished.explain(rounded, "7")
    probabilities = finished.classifier.logits(rounded).softmax(dim=1)[0]
    assert told["explained"] == "7"
    assert told["probability"] == pytest.approx(float(probabilities[7]), abs=1e-5)
    assert len(told["concepts"]) == 3
    assert expected.importance is not None
    for found in told["concepts"]:
        column = expected.concepts.index(found["concept"])
        claimed = float(expected.importance[0, column])
        assert found["importance"] == pytest.approx(claimed, rel=1e-3, abs=1e-5)
    with Image.open(figure) as drawn:
        assert drawn.width > drawn.height
    shown = page.read_text(encoding="utf-8")
    assert "<h3>digit.png: class 7</h3>" in shown and str(finished.directory) in shown
    assert all(found["concept"] in shown for found in told["concepts"])


def test_a_run_is_read_from_a_shared_store(
    finished: Run, picture: Path, published: str, tmp_path: Path
):
    alone = shutil.copytree(finished.directory, tmp_path / "copied" / finished.directory.name)
    refused = explain_image(alone, picture)
    assert isinstance(refused.exception, NotStoredError)
    assert "name their --store" in str(refused.exception)
    done = explain_image(alone, picture, "--store", published)
    assert done.exit_code == 0, done.output
    assert done.stdout == explain_image(finished.directory, picture).stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("no.png",), "there is no such file: no.png"),
        (("digit.png", "--figure", "maps.gif"), "--figure: should end in .png, .svg, .pdf"),
    ],
)
def test_what_cannot_be_explained_is_told_first(
    options: tuple[str, ...], said: str, finished: Run, picture: Path, monkeypatch
):
    monkeypatch.chdir(picture.parent)
    done = explain_image(finished.directory, *options)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
