"""Reads a folder with a folder of images for each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from causalxai.capabilities import Capability
from causalxai.errors import DataError, did_you_mean
from causalxai.graph import CausalGraph
from causalxai.image_data.concept_table import ConceptTable
from causalxai.image_data.file_images import read_files
from causalxai.image_data.files import ImageFiles
from causalxai.image_data.repeats import tell_repeats
from causalxai.image_data.settings import FolderSettings
from causalxai.image_data.split import DatasetParts, Split
from causalxai.image_data.stratified import stratified_split
from causalxai.outline import Outline
from causalxai.progress import SILENT, Progress
from causalxai.storage.digests import digest_files


@dataclass(frozen=True)
class FolderReader:
    """Reads images in ``path/<class>/``, or in ``path/train/<class>/`` and ``path/test/<class>/``.

    Parameters
    ----------
    settings
        Where the images are and what they are made into.
    """

    settings: FolderSettings

    def read(self, rng: torch.Generator, progress: Progress = SILENT) -> DatasetParts:
        """Read every image, or the headers of all where the images would take too much memory.

        Parameters
        ----------
        rng
            Draws the test images, if there are no folders ``train`` and ``test``.
        progress
            Receives the number of images that are read.

        Raises
        ------
        DataError
            If there are fewer than two class folders, a class of the test images has no training
            image, an image cannot be read, or the concepts or the graph are damaged or don't fit.
        """
        settings = self.settings
        parts = self._parts()
        files = [file for part in parts for file in part.files]
        labels = [label for part in parts for label in part.labels]
        classes = _classes(parts)
        table = self._table()
        concepts = None if table is None else table.of(map(self._name, files))
        graph = self._graph(table)
        for part in parts:
            part.tell()
        read = read_files(files, settings.look, settings.path, progress)
        numbers = torch.tensor([classes.index(label) for label in labels])
        everything = Split(read.images, numbers, concepts)
        if len(parts) == 2:
            train, test = torch.arange(len(files)).split([len(part.files) for part in parts])
        else:
            train, test = stratified_split(everything.labels, settings.test_fraction, rng)
        in_test = torch.isin(torch.arange(len(files)), test).tolist()
        tell_repeats(
            read.digests, labels, in_test, [self._name(file) for file in files], read.digested
        )
        return DatasetParts(
            train=everything[train],
            test=everything[test],
            class_names=tuple(classes),
            concept_names=() if table is None else table.names,
            graph=graph,
            held_out=True if len(parts) == 2 else None,
        )

    def outline(self) -> Outline:
        """Return the classes and the concepts; folders are listed, and no image is read.

        Raises
        ------
        DataError
            As ``read`` does, except for images.
        """
        table = self._table()
        look = self.settings.look
        return Outline(
            class_names=tuple(_classes(self._parts())),
            image_shape=(look.channels, look.size, look.size),
            concept_names=() if table is None else table.names,
            offers=frozenset() if table is None else frozenset({Capability.OBSERVATIONS}),
        )

    def fingerprint(self) -> str:
        """Return a digest of the images, by name, and of the concepts and the graph."""
        extra = {"concepts": self.settings.concepts, "graph": self.settings.graph}
        images = {
            f"images/{self._name(file)}": file for part in self._parts() for file in part.files
        }
        return digest_files(images | {name: path for name, path in extra.items() if path})

    def _table(self) -> ConceptTable | None:
        path = self.settings.concepts
        return None if path is None else ConceptTable.read(path)

    def _name(self, file: Path) -> str:
        return file.relative_to(self.settings.path).as_posix()

    def _parts(self) -> list[ImageFiles]:
        """Return all images in one list, or the training and the test images in two."""
        path = self.settings.path
        fixed = [path / "train", path / "test"]
        if not all(folder.is_dir() for folder in fixed):
            everything = ImageFiles.find(path)
            if name := everything.looks_like_a_split():
                raise DataError(
                    f"{path / name}: has folders of images, like a part of the data, and not "
                    "images, like a class; the parts must be named train and test"
                )
            return [everything]
        train, test = map(ImageFiles.find, fixed)
        for name in test.by_class:
            if name not in train.by_class:
                near = did_you_mean(name, list(train.by_class))
                raise DataError(f"{fixed[1] / name}: no class {name!r} in {fixed[0]}{near}")
        return [train, test]

    def _graph(self, table: ConceptTable | None) -> CausalGraph | None:
        path = self.settings.graph
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


def _classes(parts: list[ImageFiles]) -> list[str]:
    classes = sorted(parts[0].by_class)
    if len(classes) < 2:
        raise DataError(
            f"{parts[0].folder}: has one class folder, {classes[0]!r}; a classifier needs two "
            "classes or more"
        )
    return classes
