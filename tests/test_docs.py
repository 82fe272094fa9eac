"""The documentation's code runs, its specs are valid, and it builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from causalxai.config import load_grid

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


SPECS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in (ROOT / "README.md", *PAGES)
    for number, block in enumerate(blocks(page, "yaml"))
    if block.startswith("causalxai: 1")
]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change into a folder that has pictures of two classes in ``photos``."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for brightness, name in enumerate(("dark", "light")):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(12):
            noise = rng.integers(0, 100, (32, 32, 3)) + 150 * brightness
            Image.fromarray(noise.astype("uint8")).save(folder / f"{number}.png")


def tells_light_from_dark() -> nn.Module:
    """Return a network whose logits are the mean of its normalised input, and its negative."""
    convolution, head = nn.Conv2d(3, 4, 5), nn.Linear(4, 2)
    with torch.no_grad():
        convolution.weight.fill_(1 / convolution.weight[0].numel())
        # The bias keeps activations positive, and the head's subtracts it again.
        convolution.bias.fill_(2)  # type: ignore[union-attr]
        head.weight.copy_(torch.tensor([[-0.25], [0.25]]).expand(2, 4))
        head.bias.copy_(torch.tensor([2.0, -2.0]))
    return nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


@pytest.mark.slow
@pytest.mark.usefixtures("photos")
def test_the_first_page_can_be_followed() -> None:
    names: dict[str, object] = {"model": tells_light_from_dark()}
    found = blocks(ROOT / "docs" / "index.md", "python")
    assert len(found) == 3
    for block in found:
        exec(compile(block, "index.md", "exec"), names)
    assert Path(str(names["run"].report)).is_file()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_an_oracle_can_be_asked_as_the_page_of_ideas_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    (block,) = blocks(ROOT / "docs" / "ideas.md", "python")
    names: dict[str, object] = {}
    exec(compile(block, "ideas.md", "exec"), names)
    edges, images, classes = names["answer"].logits.shape  # type: ignore[attr-defined]
    assert (images, classes) == (16, 10)
    assert edges == len(names["conv2"].targets)  # type: ignore[attr-defined]


@pytest.mark.parametrize("block", SPECS)
def test_the_spec_is_valid(block: str, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(block, "utf-8")
    assert load_grid(spec, trust_code=True).cells


def test_there_are_specs() -> None:
    assert len(SPECS) >= 2


@pytest.mark.slow
def test_the_pages_build_and_name_every_plugin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, env={"NO_MKDOCS_2_WARNING": "1"})
    settings = (tmp_path / "specs" / "index.html").read_text("utf-8")
    for group in ("datasets", "classifiers", "concept_spaces", "oracles", "graph_discoverers"):
        for plugin in entry_points(group=f"causalxai.{group}"):
            assert f'id="{plugin.name}' in settings
