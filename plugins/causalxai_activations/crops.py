"""Crops of images on a grid, resized to the size of the images."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

_STEP = 0.8


@dataclass(frozen=True)
class CropGrid:
    """Square or oblong crops at regular places; neighbours overlap by a fifth.

    Parameters
    ----------
    height, width
        Of a crop, in pixels.

    Notes
    -----
    Source: Fel et al., CVPR 2023, section 3; the overlap is that of the authors' code.
    """

    height: int
    width: int

    @classmethod
    def of(cls, image_shape: tuple[int, int, int], share: float) -> CropGrid:
        """Return crops whose sides are a share of the image's."""
        _, height, width = image_shape
        return cls(max(1, round(share * height)), max(1, round(share * width)))

    def cut(self, images: Tensor) -> Tensor:
        """Return the crops ``[n, l, c, height, width]``, row by row."""
        n, channels = images.shape[:2]
        size = (self.height, self.width)
        step = (max(1, int(_STEP * self.height)), max(1, int(_STEP * self.width)))
        columns = functional.unfold(images, kernel_size=size, stride=step)
        return columns.transpose(1, 2).reshape(n, -1, channels, *size)

    @staticmethod
    def enlarged(crops: Tensor, height: int, width: int) -> Tensor:
        """Return crops ``[n, c, ...]`` at another size, ``[n, c, height, width]``; bilinear."""
        return functional.interpolate(
            crops, size=(height, width), mode="bilinear", align_corners=False
        ).clamp(0, 1)
