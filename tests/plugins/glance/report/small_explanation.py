"""An explanation in which no two numbers are the same, and what stands in the axes of a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as PlotFigure
from torch import Tensor

from causalxai.concept import Units
from causalxai.explainer import Explanation
from causalxai.intervention import Action
from causalxai.what_if import Change
from causalxai_glance.pairs import Pairs

CLASSES = ("x", "y", "z")
NAMES = ("size", "brightness")
N, K, D, SIDE = 3, len(CLASSES), 12, 4
MINUS = "\N{MINUS SIGN}"


def explanation(*, boolean: Sequence[str] = (), channels: int = 1) -> Explanation:
    """Three images of three classes, in which no two numbers are the same."""
    rng = torch.Generator().manual_seed(0)

    def some(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng)

    picture = (channels, SIDE, SIDE)
    pairs = Pairs(
        4 * some(N, K),
        4 * some(N, 2, 2, K),
        torch.arange(N),
        some(N, *picture),
        some(N, 2, 2, *picture),
    )
    changes = [Change(name, Action.SHIFT, way, name) for name in NAMES for way in (1.0, -1.0)]
    details = {
        "fidelity": torch.tensor([0.9, 0.6, 0.3]),
        "intercept": some(N),
        "original": some(N, K),
        "effect": some(N, 2, 2),
    }
    meta = {"contrasted": [*NAMES], "named": 2, "boolean": [*boolean], "step": 1.0, "samples": 32}
    return Explanation(
        images=some(N, *picture),
        target=torch.tensor([2, 0, 1]),
        concepts=(*NAMES, *(f"latent {i}" for i in range(2, D))),
        importance=torch.randn(N, D, generator=rng),
        what_ifs=pairs.what_ifs(changes),
        units=Units(some(N, D)),
        details=details,
        meta=meta,
    )


def shown(axes: Axes) -> Tensor:
    """Return the picture that axes show, ``[h, w]`` or ``[h, w, 3]``."""
    [image] = axes.images
    return torch.from_numpy(np.asarray(image.get_array()).squeeze())


def bars(axes: Axes) -> dict[str, tuple[float, str, str]]:
    """Return each bar's length, colour and number, by its label."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    numbers = [text.get_text() for text in axes.texts]
    assert len(labels) == len(axes.patches) == len(numbers)
    found = {}
    for label, bar, number in zip(labels, axes.patches, numbers, strict=True):
        assert bar.get_y() + bar.get_height() / 2 == pytest.approx(len(found))
        found[label] = (bar.get_width(), to_hex(bar.get_facecolor()), number)
    return found


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)


def block_of(figure: PlotFigure, image: int) -> list[Axes]:
    """Return one image's axes: 5 above, importance, confidence; then 5 below."""
    size = len(figure.axes) // N
    return figure.axes[image * size : (image + 1) * size]
