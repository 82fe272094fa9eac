"""Images that the caller gives to be explained, in the place of a selection from the data set."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.live.dataset import values_digest


@dataclass(frozen=True)
class GivenImages:
    """Images to explain, for the classes that the classifier predicts for them.

    Parameters
    ----------
    digest
        That of the images' values.
    images
        ``[n, c, h, w]``, in [0, 1]; ``None`` in a run that is read from its folder, which has them
        in its explanation.
    labels
        ``[n]``, the true classes; ``None`` if they are unknown.
    """

    digest: str
    images: Tensor | None = field(default=None, repr=False)
    labels: Tensor | None = field(default=None, repr=False)

    def need(self) -> Tensor:
        """Return the images; DataError if the run was read from its folder without them."""
        if self.images is None:
            raise DataError(
                "the images that were explained are not stored any more; run the explanation again"
            )
        return self.images

    def check(self, dataset: Dataset) -> None:
        """Check that the images are of the kind that the data set's are.

        Raises
        ------
        DataError
            If their shape differs.
        """
        if self.images is not None and tuple(self.images.shape[1:]) != dataset.image_shape:
            raise DataError(
                f"the images to explain have the shape {list(self.images.shape[1:])}, but the "
                f"data set's have {list(dataset.image_shape)}"
            )


def given_images(given: object) -> GivenImages:
    """Return images to explain from a split, or from a tensor ``[n, c, h, w]`` in [0, 1].

    Raises
    ------
    DataError
        If they are something else, empty, or not in [0, 1].
    """
    # The images of a split may be read from their files only here.
    images = given.images[:] if isinstance(given, Split) else given
    if not isinstance(images, Tensor):
        kind = type(given).__name__
        raise DataError(f"the images should be a Split or a tensor [n, c, h, w], not a {kind}")
    fault = fault_of_images(images)
    if fault:
        raise DataError(f"the images {fault}")
    plain = images.detach().to("cpu", torch.float32)
    labels = given.labels if isinstance(given, Split) else None
    return GivenImages(values_digest(plain), plain, labels)


def fault_of_images(images: Tensor) -> str | None:
    """Return why a tensor does not hold images; ``None`` if it does."""
    if images.dim() != 4 or not len(images):
        one = "; of one image take image[None]" if images.dim() == 3 else ""
        return f"should be [n, c, h, w] with n of at least 1, not {list(images.shape)}{one}"
    if not images.is_floating_point():
        return f"should be floats in [0, 1], not {images.dtype}"
    low, high = float(images.min()), float(images.max())
    return None if 0 <= low <= high <= 1 else f"should lie in [0, 1], not in [{low:g}, {high:g}]"
