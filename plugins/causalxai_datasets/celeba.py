"""CelebA, from a local copy in its published layout."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import torch
from joblib import Parallel, delayed
from pydantic import Field, model_validator
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.errors import DataError
from causalxai.image_data.reading import Look, read_image
from causalxai.image_data.stratified import stratified_split
from causalxai.outline import Outline
from causalxai.plugin import FolderToRead, PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.digests import digest_files
from causalxai_datasets.celeba_lists import AttributeList, read_partition, tell

_ATTRIBUTES = "list_attr_celeba.txt"
_PARTITION = "list_eval_partition.txt"
_IMAGES = "img_align_celeba"
_TRAIN, _TEST = 0, 2
# The published share of test images, for copies without the partition.
_TEST_FRACTION = 0.1

_ENCRYPTED = 1  # A zip's flag for encryption.

_logger = logging.getLogger(__name__)

GLANCE_ATTRIBUTES = (
    "Straight_Hair",
    "Wavy_Hair",
    "Young",
    "Mustache",
    "No_Beard",
    "High_Cheekbones",
    "Heavy_Makeup",
    "Smiling",
    "Wearing_Lipstick",
    "Mouth_Slightly_Open",
)
"""The ten attributes of GLANCE's figure 8, by their published names."""


class CelebA(DatasetSource):
    """Faces of celebrities with binary attributes [1]_, as centre crops of the aligned images.

    The folder has ``list_attr_celeba.txt`` and ``img_align_celeba``, a folder or a ``.zip``, which
    is read without unpacking. ``list_eval_partition.txt`` has the images for training (0) and for
    the test (2); those for validation (1) are not used. Without it, a tenth of each class is drawn
    for the test, which is logged as a warning: there are about twenty photographs of each
    celebrity, and the published parts have no person in common, but the drawn ones do, so that
    test results are too optimistic.

    ``Split.concepts`` are 0 or 1; their true graph is unknown. Images are stored as floats, 49 kB
    for one of 64 pixels and 197 kB for one of 128, so that all training images take 8 GB or 32 GB.
    With ``limit``, only the chosen images are read.

    References
    ----------
    .. [1] Liu, Luo, Wang, Tang, "Deep learning face attributes in the wild", ICCV 2015.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        path
            The folder of the published files.
        task
            The attribute that defines the two classes, ``not`` it and it.
        concepts
            The attributes whose values come with the images; by default the ten of GLANCE's figure
            8, except the task.
        size
            Height and width in pixels of the square in the middle of each image, resized.
        limit, test_limit
            The largest numbers of training and test images; the first ones are used.
        balance
            An attribute for which reference images are drawn from the training images, with equal
            numbers of the four combinations of the task and this attribute, so that these two (and
            only these) are independent.
        """

        path: FolderToRead
        task: str = "Smiling"
        concepts: tuple[str, ...] | None = Field(None, min_length=1)
        size: Literal[64, 128] = 64
        limit: int | None = Field(None, ge=1)
        test_limit: int | None = Field(None, ge=1)
        balance: str | None = None

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            for name in self.concepts or ():
                if (self.concepts or ()).count(name) > 1:
                    raise ValueError(f"{name!r} is repeated in concepts")
            if self.balance == self.task:
                raise ValueError(f"balance must be another attribute than the task, {self.task!r}")
            return self

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        references = {Capability.REFERENCE} if self.config.balance else set()
        return Outline(
            class_names=self._class_names,
            image_shape=(3, self.config.size, self.config.size),
            concept_names=self._names,
            offers=frozenset({Capability.OBSERVATIONS, *references}),
        )

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read the lists and the chosen images.

        Raises
        ------
        DataError
            If a list is missing or damaged, an attribute is not in it, images are missing or
            broken (they are named), or a class or a cell that is to be balanced has no image.
        """
        table = AttributeList.read(self.config.path / _ATTRIBUTES)
        task = table.column(self.config.task)
        concepts = torch.stack([table.column(name) for name in self._names], dim=1).float()
        train, test = self._rows(table, task, rng)
        reference = self._balanced(table, task, train, rng)
        images = self._images([table.files[row] for row in torch.cat([train, test])], progress)
        first = Split(images[: len(train)], task[train], concepts[train])
        second = Split(images[len(train) :], task[test], concepts[test])
        return Dataset(
            train=first,
            test=second,
            class_names=self._class_names,
            concept_names=self._names,
            reference=None if reference is None else first[reference],
        )

    def fingerprint(self) -> str:
        """Return a digest of the lists and of the available images.

        It includes the images' names and sizes, with the checksums of a zip's directory or the
        modification times of a folder's files; the 200 000 images themselves are not read.
        """
        path = self.config.path
        lists = {name: path / name for name in (_ATTRIBUTES, _PARTITION) if (path / name).exists()}
        total = hashlib.sha256(digest_files(lists).encode())
        with _Images.open(path) as images:
            for name, traces in sorted(images.listing.items()):
                total.update(f"{name}\0{traces}\n".encode())
        return total.hexdigest()

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path."""
        return self.config.model_dump(mode="json", exclude={"path"})

    @property
    def _class_names(self) -> tuple[str, str]:
        return f"not {self.config.task}", self.config.task

    @property
    def _names(self) -> tuple[str, ...]:
        if self.config.concepts is None:
            return tuple(name for name in GLANCE_ATTRIBUTES if name != self.config.task)
        return self.config.concepts

    def _rows(
        self, table: AttributeList, task: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the rows of the training and of the test images."""
        partition = self.config.path / _PARTITION
        if partition.is_file():
            parts = torch.tensor(read_partition(partition, table.files))
            train, test = ((parts == part).nonzero().flatten() for part in (_TRAIN, _TEST))
        else:
            _logger.warning(
                "%s: not found; the test images are drawn at random and show people who are "
                "also in the training images, so that test results are too optimistic",
                partition,
            )
            train, test = stratified_split(task, _TEST_FRACTION, rng)
        train, test = train[: self.config.limit], test[: self.config.test_limit]
        if not len(test):
            raise DataError(f"{partition}: has no test image ({_TEST})")
        for label, what in enumerate((f"without {self.config.task}", f"with {self.config.task}")):
            if not bool((task[train] == label).any()):
                raise DataError(f"{table.path}: none of {len(train)} training images is {what}")
        return train, test

    def _balanced(
        self, table: AttributeList, task: Tensor, train: Tensor, rng: torch.Generator
    ) -> Tensor | None:
        """Return the indices of the training images that are reference images."""
        if self.config.balance is None:
            return None
        cell = (2 * task + table.column(self.config.balance))[train]
        members = [(cell == number).nonzero().flatten() for number in range(4)]
        least = min(len(rows) for rows in members)
        if not least:
            sizes = ", ".join(str(len(rows)) for rows in members)
            raise DataError(
                f"{self.config.task} and {self.config.balance} cannot be balanced: {sizes} of "
                f"{len(train)} training images have neither, the second, the first, or both"
            )
        drawn = [rows[torch.randperm(len(rows), generator=rng)[:least]] for rows in members]
        return torch.cat(drawn).sort().values

    def _images(self, names: Sequence[str], progress: Progress) -> Tensor:
        """Return ``[n, 3, size, size]``, decoded by as many threads as there are cores."""
        size = self.config.size
        images = torch.empty(len(names), 3, size, size)
        broken: list[str] = []
        with _Images.open(self.config.path) as store:
            tell("missing", [name for name in names if name not in store.listing], store.path)
            run = Parallel(n_jobs=-1, prefer="threads", return_as="generator")
            parts = (delayed(_decode)(store.read, name, size) for name in names)
            with progress.task("read images", total=len(names)) as advance:
                for image, name, pixels in zip(images, names, run(parts), strict=True):
                    if pixels is None:
                        broken.append(name)
                    else:
                        image.copy_(pixels)
                    advance(1)
            tell("broken", broken, store.path)
        return images


@dataclass(frozen=True)
class _Images:
    """The images, in their folder or their zip.

    ``listing`` has size and checksum (or time) by name.
    """

    path: Path
    listing: dict[str, tuple[int, int]]
    read: Callable[[str], bytes]
    close: Callable[[], None]

    @classmethod
    def open(cls, path: Path) -> Self:
        folder, packed = path / _IMAGES, path / f"{_IMAGES}.zip"
        if folder.is_dir():
            listing = _listed(folder)
            return cls(folder, listing, lambda name: (folder / name).read_bytes(), lambda: None)
        if not packed.is_file():
            raise DataError(f"{path}: has neither {_IMAGES}/ nor {_IMAGES}.zip")
        try:
            archive = zipfile.ZipFile(packed)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{packed}: cannot be read as a zip: {error}") from error
        inside = {Path(info.filename).name: info for info in archive.infolist()}
        if locked := [name for name, info in inside.items() if info.flag_bits & _ENCRYPTED]:
            archive.close()
            tell("encrypted; pack them without a password", locked, packed)
        sizes = {name: (info.file_size, info.CRC) for name, info in inside.items()}
        return cls(packed, sizes, lambda name: archive.read(inside[name]), archive.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _listed(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file."""
    try:
        traces = {file.name: file.stat() for file in folder.iterdir()}
    except OSError as error:
        what = error.filename or folder
        raise DataError(f"{what}: cannot be read: {error.strerror or error}") from error
    return {name: (one.st_size, one.st_mtime_ns) for name, one in traces.items()}


def _decode(read: Callable[[str], bytes], name: str, size: int) -> Tensor | None:
    """Return ``[3, size, size]``, or ``None`` if the file is not an image."""
    try:
        return read_image(io.BytesIO(read(name)), Look(size, 3)).pixels
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        return None
