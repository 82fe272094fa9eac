"""The user's own images: a folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from pydantic import Field
from torch import Tensor

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.errors import DataError, did_you_mean
from causalxai.graph import CausalGraph
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.digests import digest_files
from causalxai_datasets.concept_table import ConceptTable
from causalxai_datasets.splits import stratified_split

_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


class ImageFolder(DatasetSource):
    """Images in ``path/<class>/``, or in ``path/train/<class>/`` and ``path/test/<class>/``.

    Classes are the names of the folders, in alphabetical order. Without ``train`` and ``test``, a
    share of each class is drawn and held out.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        path
            The folder of the class folders.
        size
            Height and width in pixels: the shorter side is resized, the longer one cropped.
        channels
            3 for colour, 1 for grey.
        test_fraction
            The share of each class that is held out, if there are no folders for training and test.
        concepts
            A CSV file of measured concepts: the file's path below ``path``, then a number for
            each concept, which the header names.
        graph
            The true causal graph over the concepts: ``.graphml``, ``.dot`` or ``.json``.
        """

        path: Path
        size: int = Field(64, ge=1, le=2048)
        channels: Literal[1, 3] = 3
        test_fraction: float = Field(0.25, gt=0, lt=1)
        concepts: Path | None = None
        graph: Path | None = None

    config: Config

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read every image.

        Raises
        ------
        DataError
            If there is no class folder, a class of the test images has no training image, an
            image cannot be read, or the concepts or the graph are damaged or don't fit.
        """
        parts = self._parts()
        files = [file for part in parts for file in part]
        classes = sorted({file.parent.name for file in parts[0]})
        table = None if self.config.concepts is None else ConceptTable.read(self.config.concepts)
        graph = self._graph(table)
        everything = Split(
            self._images(files, progress),
            torch.tensor([classes.index(file.parent.name) for file in files]),
            None if table is None else table.of(map(self._name, files)),
        )
        if len(parts) == 2:
            train, test = torch.arange(len(files)).split([len(part) for part in parts])
        else:
            train, test = stratified_split(everything.labels, self.config.test_fraction, rng)
        return Dataset(
            train=everything[train],
            test=everything[test],
            class_names=tuple(classes),
            concept_names=() if table is None else table.names,
            graph=graph,
        )

    def fingerprint(self) -> str:
        """Return a digest of the images, by name, and of the concepts and the graph."""
        extra = {"concepts": self.config.concepts, "graph": self.config.graph}
        images = {f"images/{self._name(file)}": file for part in self._parts() for file in part}
        return digest_files(images | {name: path for name, path in extra.items() if path})

    def portable_config(self) -> dict[str, object]:
        """Return the config without the paths."""
        return self.config.model_dump(mode="json", exclude={"path", "concepts", "graph"})

    def _name(self, file: Path) -> str:
        return file.relative_to(self.config.path).as_posix()

    def _parts(self) -> list[list[Path]]:
        """Return all images in one list, or the training and the test images in two."""
        fixed = [self.config.path / "train", self.config.path / "test"]
        if not all(folder.is_dir() for folder in fixed):
            return [_list_images(self.config.path)]
        train, test = map(_list_images, fixed)
        classes = sorted({file.parent.name for file in train})
        for file in test:
            if (name := file.parent.name) not in classes:
                near = did_you_mean(name, classes)
                raise DataError(f"{file.parent}: no class {name!r} in {fixed[0]}{near}")
        return [train, test]

    def _images(self, files: list[Path], progress: Progress) -> Tensor:
        images = torch.empty(len(files), self.config.channels, self.config.size, self.config.size)
        with progress.task("read images", total=len(files)) as advance:
            for image, file in zip(images, files, strict=True):
                image.copy_(_read_image(file, self.config.size, self.config.channels))
                advance(1)
        return images

    def _graph(self, table: ConceptTable | None) -> CausalGraph | None:
        path = self.config.graph
        if path is None:
            return None
        try:
            graph = CausalGraph.load(path)
        except ValueError as error:
            raise DataError(str(error)) from error
        except OSError as error:
            why = error.strerror or error
            raise DataError(f"{path}: cannot be read as a causal graph: {why}") from error
        for node in graph.nodes:
            if table is not None and node not in table.names:
                near = did_you_mean(node, table.names)
                raise DataError(f"{path}: {node!r} is not a concept of {table.path}{near}")
        return graph


def _list_images(folder: Path) -> list[Path]:
    """Return the images of all class folders, in the order of their names."""
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not _hidden(path))
    if not classes:
        raise DataError(f"{folder}: has no class folder (one folder of images for each class)")
    files: list[Path] = []
    for path in classes:
        found = [f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES and not _hidden(f)]
        if not found:
            raise DataError(f"{path}: has no image ({', '.join(sorted(_SUFFIXES))})")
        files += sorted(found)
    return files


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _read_image(path: Path, size: int, channels: int) -> Tensor:
    """Return ``[channels, size, size]`` in [0, 1]."""
    try:
        with Image.open(path) as file:
            upright = _as_bytes(ImageOps.exif_transpose(file))
        image = upright.convert("L" if channels == 1 else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as an image: {error}") from error
    square = np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR), np.float32)
    return torch.from_numpy(square / 255).reshape(size, size, channels).permute(2, 0, 1)


def _as_bytes(image: Image.Image) -> Image.Image:
    """Scale grey values of 16 bits to 8, which Pillow's own conversion would clip."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
