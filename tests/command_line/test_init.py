from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from causalxai.cli import app
from causalxai.pipeline import run

NETWORK = """
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 5)
        self.head = nn.Linear(2, 2)
        self.hidden = nn.Linear(2, 2)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.5)
        nn.init.constant_(self.head.weight[0], -0.5)

    def forward(self, images):
        return self.head(self.hidden(self.convolution(images).relu().mean(dim=(2, 3))).relu())
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has pictures of two classes and a network."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for brightness, name in enumerate(("dark", "light")):
        (tmp_path / "my pictures" / name).mkdir(parents=True)
        for number in range(12):
            noise = rng.integers(0, 100, (16, 16, 3)) + 150 * brightness
            file = tmp_path / "my pictures" / name / f"{number}.png"
            Image.fromarray(noise.astype("uint8")).save(file)
    (tmp_path / "my_network.py").write_text(NETWORK, encoding="utf-8")
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def test_a_spec_is_written_with_comments(folder: Path):
    done = init(
        *("--images", "my pictures", "--network", "lenet"),
        *("--method", "grad-cam", "--size", "16", "--channels", "1"),
    )
    assert done.exit_code == 0, done.output
    assert done.stdout == "spec.yaml\n"
    text = (folder / "spec.yaml").read_text("utf-8")
    assert text.count("#") > 4
    spec = YAML(typ="safe").load(text)
    assert spec["name"] == "my-pictures-grad-cam"
    assert spec["dataset"] == {
        "use": "image-folder", "path": "my pictures", "size": 16, "channels": 1
    }  # fmt: skip
    assert (spec["classifier"], spec["method"]) == ("lenet", "grad-cam")


def test_nothing_is_overwritten(folder: Path):
    (folder / "spec.yaml").write_text("mine", encoding="utf-8")
    done = init("--images", "my pictures", "--network", "lenet", "--method", "grad-cam")
    assert done.exit_code == 2
    assert "not overwritten" in done.stderr
    assert (folder / "spec.yaml").read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"--method": "grad-kam"}, "did you mean 'grad-cam'?"),
        ({"--network": "lenett"}, "did you mean 'lenet'?"),
        ({"--weights": "net.pt"}, "your own network"),
        ({"--images": None}, "--images is missing, and nobody can be asked"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    given: dict[str, str | None], said: str, folder: Path
):
    options = {"--images": "my pictures", "--network": "lenet", "--method": "grad-cam", **given}
    done = init(*(word for pair in options.items() if pair[1] is not None for word in pair))
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not (folder / "spec.yaml").exists()


def test_a_spec_that_would_not_be_valid_is_not_kept(folder: Path):
    done = init("--images", "no pictures", "--network", "lenet", "--method", "grad-cam")
    assert done.exit_code != 0
    assert "no pictures: there is no such folder" in str(done.exception)
    assert not (folder / "spec.yaml").exists()


@pytest.mark.slow
def test_the_spec_of_an_own_network_runs(folder: Path):
    done = init(
        *("--images", "my pictures", "--network", "my_network:Small"),
        *("--method", "saliency", "--size", "16"),
    )
    assert done.exit_code == 0, done.output
    assert "--trust-code" in done.stderr
    assert run(folder / "spec.yaml", trust_code=True).report.is_file()
