"""The user's own images: a folder for each class."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from PIL import ImageColor
from pydantic import Field, field_validator
from torch import Tensor

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.errors import DataError, did_you_mean
from causalxai.graph import CausalGraph
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.digests import digest_files
from causalxai_datasets.concept_table import ConceptTable
from causalxai_datasets.image_files import ImageFiles
from causalxai_datasets.image_reading import Fit, Look, ReadImage, read_image
from causalxai_datasets.repeated_images import digest_of, tell_repeats
from causalxai_datasets.splits import stratified_split

# With fewer of the 65535 grey values it is likely that 12 bits are stored in 16.
_DARK = 65535 // 8

_logger = logging.getLogger(__name__)


class ImageFolder(DatasetSource):
    """Images in ``path/<class>/``, or in ``path/train/<class>/`` and ``path/test/<class>/``.

    Classes are the names of the folders, in alphabetical order; images may lie in subfolders of
    these. Without ``train`` and ``test``, a share of each class is drawn and held out. The log
    tells how many images are cropped, transparent or repeated, and which files are skipped.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        path
            The folder of the class folders.
        size
            Height and width in pixels.
        channels
            3 for colour, 1 for grey.
        fit
            What is done to an image that is not square: ``crop`` cuts the ends of the longer side
            off, ``pad`` adds background at the shorter one, ``stretch`` changes the proportions.
        background
            The colour behind transparent pixels and in the padding: a name or a code of CSS.
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
        fit: Fit = "crop"
        background: str = "white"
        test_fraction: float = Field(0.25, gt=0, lt=1)
        concepts: Path | None = None
        graph: Path | None = None

        @field_validator("background")
        @classmethod
        def _is_a_colour(cls, background: str) -> str:
            if len(ImageColor.getrgb(background)) != 3:
                raise ValueError(f"the background must be opaque, and {background!r} is not")
            return background

    config: Config

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read every image.

        Raises
        ------
        DataError
            If there are fewer than two class folders, a class of the test images has no training
            image, an image cannot be read, or the concepts or the graph are damaged or don't fit.
        """
        parts = self._parts()
        files = [file for part in parts for file in part.files]
        labels = [label for part in parts for label in part.labels]
        classes = sorted(parts[0].by_class)
        if len(classes) < 2:
            raise DataError(
                f"{parts[0].folder}: has one class folder, {classes[0]!r}; a classifier needs two "
                "classes or more"
            )
        table = None if self.config.concepts is None else ConceptTable.read(self.config.concepts)
        concepts = None if table is None else table.of(map(self._name, files))
        graph = self._graph(table)
        for part in parts:
            part.tell()
        images, digests = self._images(files, progress)
        numbers = torch.tensor([classes.index(label) for label in labels])
        everything = Split(images, numbers, concepts)
        if len(parts) == 2:
            train, test = torch.arange(len(files)).split([len(part.files) for part in parts])
        else:
            train, test = stratified_split(everything.labels, self.config.test_fraction, rng)
        held_out = torch.isin(torch.arange(len(files)), test).tolist()
        tell_repeats(digests, labels, held_out, [self._name(file) for file in files])
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
        images = {
            f"images/{self._name(file)}": file for part in self._parts() for file in part.files
        }
        return digest_files(images | {name: path for name, path in extra.items() if path})

    def portable_config(self) -> dict[str, object]:
        """Return the config without the paths."""
        return self.config.model_dump(mode="json", exclude={"path", "concepts", "graph"})

    def _name(self, file: Path) -> str:
        return file.relative_to(self.config.path).as_posix()

    def _parts(self) -> list[ImageFiles]:
        """Return all images in one list, or the training and the test images in two."""
        fixed = [self.config.path / "train", self.config.path / "test"]
        if not all(folder.is_dir() for folder in fixed):
            everything = ImageFiles.find(self.config.path)
            if name := everything.looks_like_a_split():
                raise DataError(
                    f"{self.config.path / name}: has folders of images, like a part of the data, "
                    "and not images, like a class; the parts must be named train and test"
                )
            return [everything]
        train, test = map(ImageFiles.find, fixed)
        for name in test.by_class:
            if name not in train.by_class:
                near = did_you_mean(name, list(train.by_class))
                raise DataError(f"{fixed[1] / name}: no class {name!r} in {fixed[0]}{near}")
        return [train, test]

    def _images(self, files: list[Path], progress: Progress) -> tuple[Tensor, list[str]]:
        """Return ``[n, c, size, size]``, and a digest of each image."""
        config = self.config
        look = Look(config.size, config.channels, config.fit, config.background)
        images = torch.empty(len(files), config.channels, config.size, config.size)
        read: list[ReadImage] = []
        digests = []
        with progress.task("read images", total=len(files)) as advance:
            for image, file in zip(images, files, strict=True):
                try:
                    found = read_image(file, look)
                except ValueError as error:
                    raise DataError(f"{file}: {error}") from error
                image.copy_(found.pixels)
                digests.append(digest_of(found.pixels))
                read.append(replace(found, pixels=image))
                advance(1)
        self._tell(read)
        return images, digests

    def _tell(self, read: list[ReadImage]) -> None:
        """Log what was done to the images."""
        total, path = len(read), self.config.path
        if cropped := [image.lost for image in read if image.lost]:
            _logger.info(
                "%s: %d of %d images are not square, and up to %.0f %% of their longer side is cut "
                "off (fit: crop; others are pad and stretch)",
                path, len(cropped), total, 100 * max(cropped),
            )  # fmt: skip
        if transparent := sum(image.transparent for image in read):
            _logger.info(
                "%s: %d of %d images are transparent and are laid on %s (background)",
                path, transparent, total, self.config.background,
            )  # fmt: skip
        if several := sum(image.frames > 1 for image in read):
            _logger.info(
                "%s: %d of %d images have several frames or pages, of which the first is read",
                path, several, total,
            )  # fmt: skip
        deep = [image.brightest for image in read if image.brightest is not None]
        if deep and max(deep) < _DARK:
            _logger.warning(
                "%s: the highest value of %d images of 16 bits is %d, and 65535 is white, so that "
                "they are nearly black; are these 12 bits in 16?",
                path, len(deep), max(deep),
            )  # fmt: skip

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
