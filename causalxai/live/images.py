"""Images that the caller gives to be explained, in the place of a selection from the data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.image_data.tensors import images_of
from causalxai.live.dataset import values_digest

Target: TypeAlias = int | str | tuple[int | str, ...] | None
"""A class's index or name, or one for each image."""

_KINDS = (
    "a Split, a tensor or an array [n, c, h, w] or [n, h, w, c], or a list of such images or of "
    "PIL's, all of the size of the data set's"
)
_PLAIN_MODES = {"RGB": 3, "L": 1}


@dataclass(frozen=True)
class AskedImages:
    """Images to explain and a class to explain, as the caller gave them; neither is checked."""

    images: object
    target: object = None


@dataclass(frozen=True)
class GivenImages:
    """Images to explain.

    Parameters
    ----------
    digest
        That of the images' values.
    images
        ``[n, c, h, w]``, in [0, 1]; ``None`` in a run that is read from its folder, which has them
        in its explanation.
    labels
        ``[n]``, the true classes; ``None`` if they are unknown.
    target
        The class that is explained; ``None`` for those that the network predicts.
    """

    digest: str
    images: Tensor | None = field(default=None, repr=False)
    labels: Tensor | None = field(default=None, repr=False)
    target: Target = None

    def to_data(self) -> dict[str, Any]:
        """Return what a file can hold of them."""
        target = list(self.target) if isinstance(self.target, tuple) else self.target
        return {"digest": self.digest, **({} if target is None else {"target": target})}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> GivenImages:
        """Read what ``to_data`` returned; the images are not there."""
        return cls(str(data.get("digest", "")), target=_plain_target(data.get("target")))

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
            If their shape differs, or there are classes to explain for another number of images.
        """
        if self.images is None:
            return
        if tuple(self.images.shape[1:]) != dataset.image_shape:
            raise DataError(
                f"the images to explain have the shape {list(self.images.shape[1:])}, but the "
                f"data set's have {list(dataset.image_shape)}"
            )
        if isinstance(self.target, tuple) and len(self.target) != len(self.images):
            raise DataError(
                f"target has {len(self.target)} classes for {len(self.images)} images: give one "
                "class for all, or one for each image"
            )


def given_images(given: object, target: object = None) -> GivenImages:
    """Return images to explain.

    Parameters
    ----------
    given
        A split, a tensor or an array, or a list of these or of PIL's images. Floats lie in [0, 1];
        bytes are divided by 255. Channels may come first or last.
    target
        The class to explain, as in ``GivenImages``.

    Raises
    ------
    DataError
        If they are something else, empty, or not in [0, 1].
    """
    images = _values_of(given)
    if len(images.shape) != 4 or not len(images):
        hint = ""
        if len(images.shape) == 3:
            hint = (
                "; of one image take image[None], of grey images without channels images[:, None]"
            )
        raise DataError(
            f"the images should be [n, c, h, w] or [n, h, w, c] with n of at least 1, not "
            f"{list(images.shape)}{hint}"
        )
    plain = _floats(images)
    labels = given.labels if isinstance(given, Split) else None
    return GivenImages(values_digest(plain), plain, labels, _plain_target(target))


def _values_of(given: object) -> Any:
    """Return the images as one tensor or array."""
    if isinstance(given, Split):
        # They may be read from their files only here.
        return given.images[:]
    if isinstance(given, Tensor | np.ndarray):
        return given
    if isinstance(given, Image.Image):
        given = [given]
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        files = "; read files with Dataset.from_folder" if isinstance(given, str) else ""
        raise DataError(f"the images should be {_KINDS}, not a {type(given).__name__}{files}")
    images = [_values_of_one(image) for image in given]
    shapes = {tuple(image.shape) for image in images}
    if len(shapes) > 1:
        told = " and ".join(str(list(shape)) for shape in sorted(shapes)[:2])
        raise DataError(f"the images should have one size, not {told}")
    return np.stack(images) if images else np.zeros((0, 0, 0, 0))


def _values_of_one(image: object) -> Any:
    if isinstance(image, Tensor):
        return image.detach().cpu().numpy()
    if isinstance(image, np.ndarray):
        return image
    if not isinstance(image, Image.Image):
        raise DataError(f"the images should be {_KINDS}, not a list with a {type(image).__name__}")
    if image.mode not in _PLAIN_MODES:
        raise DataError(
            f"an image has PIL's mode {image.mode}: convert it, image.convert('RGB') or "
            "image.convert('L')"
        )
    return np.asarray(image).reshape(image.height, image.width, _PLAIN_MODES[image.mode])


def _floats(images: Any) -> Tensor:
    """Return ``[n, c, h, w]``, float32 in [0, 1]."""
    if any(images.shape[axis] in (1, 3) for axis in (1, 3)):
        return images_of(images, "the images")
    # The data set has images of another number of channels.
    values = torch.as_tensor(images).detach().to("cpu")
    low, high = (float(values.min()), float(values.max())) if values.numel() else (0.0, 0.0)
    if not values.is_floating_point() or not 0 <= low <= high <= 1:
        raise DataError(
            f"the images should be floats in [0, 1], not {values.dtype} in [{low:g}, {high:g}]"
        )
    return values.to(torch.float32)


def _plain_target(target: Any) -> Target:
    """Return a class to explain, or one for each image, in plain values."""
    values = target.tolist() if hasattr(target, "tolist") else target
    is_list = isinstance(values, Sequence) and not isinstance(values, str)
    each = tuple(values) if is_list else (values,)
    if target is not None and not all(_is_class(value) for value in each):
        raise DataError(
            f"target should be a class's index or name, or one for each image, not {target!r}"
        )
    return each if is_list else values


def _is_class(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)
