"""Photographs that the packages which causalxai needs have with them, with classes of ImageNet."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.errors import DataError
from causalxai.outline import Outline
from causalxai.plugin import FolderToRead, PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.digests import digest_files
from causalxai_datasets.image_folder import ImageFolder

_SMALLEST = 0.6
"""The side of the smallest further view, as a share of the photograph's shorter side."""

_Box: TypeAlias = tuple[float, float, float, float]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Photograph:
    """A photograph in a package.

    Parameters
    ----------
    label
        The class of ImageNet that it shows.
    package
        The package.
    path
        The file below the folder of the package.
    """

    label: str
    package: str
    path: str

    def file(self) -> Path:
        """Return the file.

        Raises
        ------
        DataError
            If the installed package is without it.
        """
        # The package is not imported, which would take seconds.
        found = find_spec(self.package)
        origin = found.origin if found else None
        file = Path(origin or "").parent / self.path
        if origin is None or not file.is_file():
            raise DataError(
                f"the installed {self.package} is without its photograph {self.path}; install it "
                "from PyPI, or give a folder of your own photographs as `path`"
            )
        return file


PHOTOGRAPHS = (
    Photograph("tabby", "skimage", "data/chelsea.png"),
    Photograph("espresso", "skimage", "data/coffee.png"),
    Photograph("tripod", "skimage", "data/camera.png"),
    Photograph("military uniform", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    Photograph("palace", "sklearn", "datasets/images/china.jpg"),
    # ImageNet has no motorcycle and no rocket; these are the nearest classes.
    Photograph("moped", "skimage", "data/motorcycle_left.png"),
    Photograph("missile", "skimage", "data/rocket.jpg"),
)


class Photographs(DatasetSource):
    """Seven photographs of scikit-image, matplotlib and scikit-learn; or a folder of your own.

    Their classes are ImageNet's; a motorcycle and a rocket, which have no class there, are labelled
    with the nearest ones, ``moped`` and ``missile``. The test images are the middles of the
    photographs. As there is one photograph of each class, the training images are other views of
    the same ones, and ``groups`` tells which images are of one photograph: they are there for
    concept spaces, and a classifier that learned from them could not be tested here.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        path
            A folder of your own photographs, with a folder for each class or with ``train`` and
            ``test`` of such folders, which is read as by ``image-folder``.
        size
            Height and width in pixels; a photograph that is not square is cropped.
        views
            How many other views of each of the seven photographs there are in the training images:
            squares of 60 to 100 % of the shorter side, somewhere, half of them mirrored.
        """

        path: FolderToRead | None = None
        size: int = Field(224, ge=8, le=2048)
        views: int = Field(8, ge=1, le=1000)

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images; no photograph is read."""
        if (folder := self._folder()) is not None:
            return folder.outline()
        names = tuple(photograph.label for photograph in PHOTOGRAPHS)
        return Outline(names, (3, self.config.size, self.config.size))

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read the photographs, and cut further views out at random.

        Raises
        ------
        DataError
            If a package is without its photograph; of a folder, as ``image-folder`` does.
        """
        if (folder := self._folder()) is not None:
            return folder.load(rng=rng, progress=progress)
        train: list[Tensor] = []
        test: list[Tensor] = []
        for photograph in PHOTOGRAPHS:
            with Image.open(photograph.file()) as file:
                image = file.convert("RGB")
            test.append(_view(image, _middle(image), self.config.size))
            train += [_random_view(image, self.config.size, rng) for _ in range(self.config.views)]
        numbers = torch.arange(len(PHOTOGRAPHS))
        views = numbers.repeat_interleave(self.config.views)
        _logger.info(
            "photographs: the %d training images are other views of the %d test images",
            len(views), len(numbers),
        )  # fmt: skip
        return Dataset(
            train=Split(torch.stack(train), views, groups=views),
            test=Split(torch.stack(test), numbers, groups=numbers),
            class_names=tuple(photograph.label for photograph in PHOTOGRAPHS),
        )

    def fingerprint(self) -> str:
        """Return a digest of the photographs."""
        if (folder := self._folder()) is not None:
            return folder.fingerprint()
        return digest_files({photograph.path: photograph.file() for photograph in PHOTOGRAPHS})

    def looks_at_files(self) -> bool:
        """Return whether there is a path; without one, only ``load`` reads files."""
        return self.config.path is not None

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path."""
        return self.config.model_dump(mode="json", exclude={"path"})

    def _folder(self) -> ImageFolder | None:
        if self.config.path is None:
            return None
        return ImageFolder(path=self.config.path, size=self.config.size)


def _middle(image: Image.Image) -> _Box:
    side = min(image.size)
    left, top = ((length - side) / 2 for length in image.size)
    return left, top, left + side, top + side


def _random_view(image: Image.Image, size: int, rng: torch.Generator) -> Tensor:
    scale, across, down, mirror = torch.rand(4, generator=rng).tolist()
    side = (_SMALLEST + (1 - _SMALLEST) * scale) * min(image.size)
    left, top = (
        share * (length - side) for share, length in zip((across, down), image.size, strict=True)
    )
    view = _view(image, (left, top, left + side, top + side), size)
    return view.flip(2) if mirror < 0.5 else view


def _view(image: Image.Image, box: _Box, size: int) -> Tensor:
    """Return a square of an image as ``[3, size, size]`` in [0, 1]."""
    view = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return torch.from_numpy(np.array(view, np.float32)).permute(2, 0, 1) / 255
