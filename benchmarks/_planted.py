"""Planted classifiers of coloured digits: networks whose use of each concept is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_CIRCLE, _SIXTH, _BELOW_ZERO = 360.0, 60.0, 315.0
_DARK = 1e-3
_SCALES = (100.0, 0.2, 20.0)
_CENTRES = (135.0, 0.75, 0.0)

# What one unit of hue (100 degrees), of brightness (0.2) and of both together adds to the logit.
_WEIGHTS = {
    "additive": (1.0, -0.5, 0.0),
    "interaction": (0.0, 0.0, 1.0),
    "shortcut": (1.0, 0.0, 0.0),
    "none": (0.0, 0.0, 0.0),
}


class ColourReading(nn.Module):
    """Reads hue and brightness off a picture of a coloured digit, and how much of it is bright.

    The share of bright pixels does not depend on the colour.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Return ``[n, 4]``: hue, brightness, their product, and the share; all centred."""
        channels = images.mean(dim=(2, 3))
        most, strongest = channels.max(dim=1)
        spread = (most - channels.min(dim=1).values).clamp(min=_DARK)
        red, green, blue = channels.unbind(dim=1)
        apart = torch.stack([green - blue, blue - red, red - green], dim=1)
        part = apart.gather(1, strongest[:, None])[:, 0] / spread
        hue = (_SIXTH * (part + 2 * strongest)) % _CIRCLE
        hue = torch.where(hue > _BELOW_ZERO, hue - _CIRCLE, hue)
        brightest = images.amax(dim=(1, 2, 3))
        own_hue = (hue - _CENTRES[0]) / _SCALES[0]
        own_brightness = (brightest - _CENTRES[1]) / _SCALES[1]
        bright = images.amax(dim=1) > brightest.clamp(min=_DARK)[:, None, None] / 2
        share = bright.float().mean(dim=(1, 2)) * _SCALES[2]
        return torch.stack([own_hue, own_brightness, own_hue * own_brightness, share], dim=1)


class PlantedNetwork(nn.Sequential):
    """Tells two classes apart by a formula of what is read off the picture.

    Parameters
    ----------
    formula
        ``additive``: hue minus half of brightness; ``interaction``: their product; ``shortcut``:
        hue alone; ``none``: the share of bright pixels, which no concept changes.
    """

    def __init__(self, formula: str) -> None:
        head = nn.Linear(4, 2)
        by_share = 1.0 if formula == "none" else 0.0
        weights = torch.tensor([*_WEIGHTS[formula], by_share])
        with torch.no_grad():
            head.weight.copy_(torch.stack([-weights, weights]) / 2)
            head.bias.zero_()
        super().__init__(ColourReading(), head)
