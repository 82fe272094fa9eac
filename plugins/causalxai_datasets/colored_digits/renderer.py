"""The renderer of coloured digits: the same strokes in another colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from causalxai.concept import Concept
from causalxai.renderer import StructuralRenderer

CONCEPTS = ("hue", "brightness")
"""All concepts, in the order of columns."""

HUES = (0.0, 270.0)
"""The range of hues in degrees, from red over green and blue to violet: its ends do not meet."""

BRIGHTNESS = (0.5, 1.0)
"""The range of the brightness, of which 1 is the brightest that can be shown."""

_SATURATION = 0.8
# Hue and brightness of a picture are read from its mean colour, which is exact but for rounding.
_ERRORS = (0.1, 0.001)
_SEEN = 0.5
# Below this brightness a picture is blank, and below this saturation it has no hue.
_BLANK = 0.02
_CIRCLE = 360.0
_SIXTH = 60.0
# Red lies at both ends of the circle; hues that are nearer to its upper end are below zero.
_BELOW_ZERO = (HUES[1] + _CIRCLE) / 2


def coloured(strokes: Tensor, values: Tensor) -> Tensor:
    """Return pictures ``[n, 3, h, w]`` of digits.

    Parameters
    ----------
    strokes
        ``[n, 1, h, w]`` in [0, 1], bright on dark.
    values
        ``[n, 2]``, hue and brightness.
    """
    hue, brightness = values.double().T
    # The channels of a colour by its hue, as Wikipedia's "HSL and HSV" has them.
    sector = (torch.tensor([5.0, 3.0, 1.0]) + hue[:, None] / _SIXTH) % 6
    less = torch.minimum(sector, 4 - sector).clamp(0, 1) * _SATURATION
    colours = (brightness[:, None] * (1 - less)).float()
    pictures: Tensor = strokes * colours[:, :, None, None]
    return pictures


class ColoredDigitRenderer(StructuralRenderer):
    """Draws a digit of the data set in another hue or with another brightness.

    Nothing follows from either. The ruler reads both from the colour that explains the picture
    best, given the digit's strokes.

    Parameters
    ----------
    strokes
        ``[m, 1, h, w]`` in [0, 1], the digits.
    shown
        ``[n]``, the digit in each picture of the data set.
    values
        ``[n, 2]``, hue and brightness of each picture.
    pictures
        The pictures, by split.
    """

    def __init__(
        self, strokes: Tensor, shown: Tensor, values: Tensor, pictures: Sequence[Tensor]
    ) -> None:
        self._strokes = strokes
        self._shown = shown
        super().__init__(
            concepts=[
                Concept("hue", *HUES, unit="degrees"), Concept("brightness", *BRIGHTNESS)
            ],
            columns=(0, 1),
            pictures=pictures,
            own=values,
        )  # fmt: skip

    @property
    def errors(self) -> tuple[float, ...]:
        """How far measured concepts may be from those that were drawn."""
        return _ERRORS

    @property
    def mask_names(self) -> tuple[str, ...]:
        """The digit: its strokes where they are at least half as bright as they can be."""
        return ("digit",)

    def _drawable(self, values: Tensor) -> Tensor:
        low, high = torch.tensor([HUES, BRIGHTNESS], dtype=values.dtype).T
        return values.clamp(low, high)

    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        return coloured(self._strokes[self._shown[individuals]], values)

    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        strokes = self._strokes[self._shown[individuals]].double()
        colour = (images.double() * strokes).sum(dim=(2, 3)) / strokes.square().sum(dim=(2, 3))
        brightness, strongest = colour.max(dim=1)
        spread = brightness - colour.min(dim=1).values
        red, green, blue = colour.T
        # The strongest channel says in which third of the circle the hue is, the others where.
        from_third = torch.stack([green - blue, blue - red, red - green], dim=1)
        part = from_third.gather(1, strongest[:, None])[:, 0] / spread
        hue = (_SIXTH * (part + 2 * strongest)) % _CIRCLE
        hue = torch.where(hue > _BELOW_ZERO, hue - _CIRCLE, hue)
        blank = brightness < _BLANK
        hue[blank | (spread < _BLANK * brightness)] = torch.nan
        brightness[blank] = torch.nan
        return torch.stack([hue, brightness], dim=1)

    def _masks(self, individuals: Tensor, values: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002
        return {"digit": self._strokes[self._shown[individuals]][:, 0] >= _SEEN}
