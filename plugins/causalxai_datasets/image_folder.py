"""The user's own images: a folder for each class."""

from __future__ import annotations

import torch

from causalxai.dataset import Dataset, DatasetSource
from causalxai.image_data.folder import FolderReader
from causalxai.image_data.settings import FolderSettings
from causalxai.outline import Outline
from causalxai.progress import SILENT, Progress


class ImageFolder(DatasetSource):
    """Images in ``path/<class>/``, or in ``path/train/<class>/`` and ``path/test/<class>/``.

    Classes are the names of the folders, in alphabetical order; images may lie in subfolders of
    these. Without ``train`` and ``test``, a share of each class is drawn for the test. The log
    tells how many images are cropped, transparent or repeated, and which files are skipped.
    """

    Config = FolderSettings

    config: FolderSettings

    def outline(self) -> Outline:
        """Return the classes and the concepts; folders are listed, and no image is read."""
        return FolderReader(self.config).outline()

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read every image.

        Raises
        ------
        DataError
            If there are fewer than two class folders, a class of the test images has no training
            image, an image cannot be read, or the concepts or the graph are damaged or don't fit.
        """
        return Dataset(**vars(FolderReader(self.config).read(rng, progress)))

    def fingerprint(self) -> str:
        """Return a digest of the images, by name, and of the concepts and the graph."""
        return FolderReader(self.config).fingerprint()

    def portable_config(self) -> dict[str, object]:
        """Return the config without the paths."""
        return self.config.model_dump(mode="json", exclude={"path", "concepts", "graph"})
