"""Images that are read from their files when they are asked for, and what is done in batches.

The images of a data set are a tensor where all of them fit into a part of the memory that the run
may take, and otherwise ``LazyImages``. Both have ``len``, ``shape`` and ``images[rows]``, which is
always a tensor.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from causalxai.memory import memory_part, rows_that_fit

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# PyTorch is imported when it is needed, because this module is loaded with those that only say what
# a data set is.

_SMALL = 3 * 128 * 128
_AT_ONCE, _LARGE_AT_ONCE = 512, 64
_BYTES = 4
# Images as they are read, on a network's device, and in double precision.
_COPIES = 4

Images: TypeAlias = "Tensor | LazyImages"
"""Images ``[n, c, h, w]``: in memory, or read when rows are asked for."""
Rows: TypeAlias = "int | slice | Sequence[int] | Tensor"
"""Which images: the index of one, a slice, indices, or a truth value for each image."""


@dataclass(frozen=True, eq=False)
class LazyImages:
    """A sequence of images that are read when rows of it are asked for.

    Parameters
    ----------
    read
        Returns the images ``[k, c, h, w]`` of ``k`` numbers, float32 in [0, 1], and always the same
        ones for a number.
    image_shape
        Channels, height and width.
    numbers
        ``[n]``, int64: the number of each image for ``read``.
    source
        A digest of all images that ``read`` can read.
    """

    read: Callable[[list[int]], Tensor]
    image_shape: tuple[int, int, int]
    numbers: Tensor
    source: str

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: Rows) -> Tensor:
        """Read images: ``[c, h, w]`` for an index, else ``[k, c, h, w]``."""
        import torch

        numbers = self.numbers[rows]
        if not numbers.numel():
            return torch.zeros(*numbers.shape, *self.image_shape)
        read = self.read(numbers.flatten().tolist())
        return read.reshape(*numbers.shape, *self.image_shape)

    def __iter__(self) -> Iterator[Tensor]:
        """Read one image after the other."""
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return f"LazyImages({list(self.shape)}, read when they are asked for)"

    if not TYPE_CHECKING:  # A type checker shall still find attributes that are not there.

        def __getattr__(self, name: str) -> object:
            """Raise AttributeError, with what can be done in the place of a tensor's methods."""
            raise AttributeError(
                f"LazyImages have no {name!r}, because they are read from their files when rows "
                "are asked for: images[:] reads all of them, and batches(images) some at a time"
            )

    def rows(self, rows: slice | Sequence[int] | Tensor) -> LazyImages:
        """Return some of the images, which are not read yet."""
        return LazyImages(self.read, self.image_shape, self.numbers[rows], self.source)

    @property
    def shape(self) -> torch.Size:
        """``[n, c, h, w]``."""
        import torch

        return torch.Size((len(self), *self.image_shape))

    @property
    def ndim(self) -> int:
        """The number of dimensions, 4."""
        return len(self.shape)

    def dim(self) -> int:
        """Return the number of dimensions, 4."""
        return self.ndim

    @property
    def dtype(self) -> torch.dtype:
        """The type of the values that are read, float32."""
        import torch

        return torch.float32

    @property
    def device(self) -> torch.device:
        """The device of the images that are read, the CPU."""
        import torch

        return torch.device("cpu")

    def digest(self) -> str:
        """Return a digest of what the images are, for which none of them is read."""
        return hashlib.sha256(f"{self.source} {self.numbers.tolist()}".encode()).hexdigest()


def fits_in_memory(count: int, image_shape: tuple[int, int, int]) -> bool:
    """Return whether images are kept in memory as float32."""
    return count * math.prod(image_shape) * _BYTES <= memory_part()


def rows_at_once(images: Images) -> int:
    """Return how many images are read at once: fewer of those above 128 px, and as many as fit."""
    values = math.prod(images.shape[1:])
    most = _AT_ONCE if values <= _SMALL else _LARGE_AT_ONCE
    return rows_that_fit(_COPIES * values * _BYTES, most)


def batches(images: Images, size: int | None = None) -> Iterator[Tensor]:
    """Yield all images in order, ``size`` at once; by default ``rows_at_once``.

    Without images, one empty batch is yielded.
    """
    size = rows_at_once(images) if size is None else size
    for start in range(0, max(1, len(images)), size):
        yield images[start : start + size]


def mean_image(images: Images) -> Tensor:
    """Return ``[c, h, w]``, the mean of images."""
    import torch

    if not isinstance(images, LazyImages):
        return images.mean(dim=0)
    total = torch.zeros(images.image_shape, dtype=torch.float64)
    for batch in batches(images):
        total += batch.double().sum(dim=0)
    return (total / len(images)).float()


def concatenated(parts: Sequence[Images]) -> Images:
    """Return the images of several sequences as one; it is lazy if one of them is."""
    import torch

    tensors = [part for part in parts if not isinstance(part, LazyImages)]
    if len(tensors) == len(parts):
        return torch.cat(tensors)
    count = sum(map(len, parts))
    c, h, w = parts[0].shape[1:]
    digests = [part.digest() if isinstance(part, LazyImages) else "in memory" for part in parts]
    return LazyImages(_Joined(tuple(parts)), (c, h, w), torch.arange(count), " ".join(digests))


@dataclass(frozen=True)
class _Joined:
    """Reads images of several sequences that are counted as one."""

    parts: tuple[Images, ...]

    def __call__(self, numbers: list[int]) -> Tensor:
        import torch

        wanted = torch.tensor(numbers)
        found = torch.zeros(len(numbers), *self.parts[0].shape[1:])
        start = 0
        for part in self.parts:
            here = (wanted >= start) & (wanted < start + len(part))
            if bool(here.any()):
                found[here] = part[wanted[here] - start]
            start += len(part)
        return found
