"""Draws the pictures of docs/drawn_data.md: ``python docs/hooks/drawn_pictures.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from causalxai.dataset import Dataset
from causalxai.intervention import Intervention
from causalxai.plugin import registry
from causalxai.seeding import torch_generator

FOLDER = Path(__file__).parents[1] / "images"
COLUMNS = 7
_SIDE = 72
_LEFT, _GAP = 112, 4
_SETTINGS: dict[str, dict[str, Any]] = {
    "colored-digits": {"size": _SIDE, "limit": 50},
    "parts": {"size": _SIDE, "count": 50, "test_count": 40},
    "shapes": {"size": _SIDE, "count": 50, "test_count": 40, "confounding": 0.5},
}


def rows(data: Dataset) -> dict[str, Tensor]:
    """Return test images as they are, and after do() on each concept, by what is done."""
    renderer = data.renderer
    assert renderer is not None
    units = renderer.recognise(data.test.images[:COLUMNS])
    shown = {"as drawn": data.test.images[:COLUMNS]}
    for place, concept in enumerate(renderer.concepts):
        own = units.values[:, place]
        # A continuous concept takes the value that it has in the next picture.
        other = 1 - own if concept.is_binary else own.roll(1)
        do = Intervention.set(torch.tensor([place]), other[None, :, None])
        shown[f"do({concept.name})"] = renderer.draw(units, renderer.states(units, do))[0]
    return shown


def sheet(shown: dict[str, Tensor]) -> Image.Image:
    """Return rows of pictures with their names on the left."""
    step = _SIDE + _GAP
    page = Image.new("RGB", (_LEFT + COLUMNS * step, len(shown) * step), "white")
    text, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for row, (name, images) in enumerate(shown.items()):
        text.text((4, row * step + _SIDE // 2), name, "black", font, "lm")
        for column, image in enumerate(images):
            pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
            page.paste(Image.fromarray(pixels), (_LEFT + column * step, row * step))
    return page


def main() -> None:
    """Write one picture for each data set."""
    FOLDER.mkdir(exist_ok=True)
    for name, settings in _SETTINGS.items():
        source = registry.load("datasets", name)(**settings)
        drawn = sheet(rows(source.load(rng=torch_generator(0))))
        # A palette makes the file small; it is refined, so that small parts keep their colours.
        drawn.quantize(256, kmeans=2).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
