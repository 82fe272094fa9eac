"""Data sets: images, labels and, where they are known, concepts and their true causal graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from causalxai.capabilities import Capability
from causalxai.graph import CausalGraph
from causalxai.image_data.checks import check_splits
from causalxai.image_data.split import DatasetParts
from causalxai.image_data.split import Split as Split
from causalxai.image_data.split import some_of_each_class as some_of_each_class
from causalxai.outline import Outline
from causalxai.outline import class_index as class_index
from causalxai.plotting import PlotsImages
from causalxai.plugin import Plugin
from causalxai.progress import SILENT, Progress

if TYPE_CHECKING:
    from typing import Any, Literal, Self, Unpack

    import pandas as pd
    import torch

    from causalxai.image_data.reading import Fit
    from causalxai.image_data.settings import Reading
    from causalxai.image_data.tensors import Array, Given
    from causalxai.renderer import Renderer

# What reads images is imported when it is called, because it loads PyTorch, and this module does
# not.


@dataclass(frozen=True)
class Dataset(PlotsImages):
    """A training and a test split of the same classes.

    Parameters
    ----------
    train, test
        The images that classifiers and concept spaces learn from, and those that are explained
        and scored.
    class_names
        ``K`` names, in the order of the class indices.
    concept_names
        Unique names of the columns of ``Split.concepts``. Any text will do that can be printed and
        stored in a file.
    graph
        The true causal graph over ``concept_names``, where it is known.
    reference
        Images whose concepts are independent of one another, while each concept has the same
        distribution as in ``train``. A read-out must be learned on such images; otherwise it can
        predict one concept from another.
    held_out
        Whether the classifier that is explained has never been trained on ``test``; ``None`` if
        that is not known. A classifier that a run trains itself is trained on ``train``, so that
        nothing needs to be said.
    renderer
        Draws the individuals anew with other concepts, where the data set is drawn.
    """

    train: Split
    test: Split
    class_names: tuple[str, ...]
    concept_names: tuple[str, ...] = ()
    graph: CausalGraph | None = None
    reference: Split | None = None
    held_out: bool | None = None
    renderer: Renderer | None = None

    def __post_init__(self) -> None:
        splits = {"train": self.train, "test": self.test}
        if self.reference is not None:
            splits["reference"] = self.reference
        check_splits(splits, self.class_names, self.concept_names)

    def __repr__(self) -> str:
        train, test = (list(split.images.shape) for split in (self.train, self.test))
        concepts = f", concepts: {len(self.concept_names)}" if self.concept_names else ""
        return f"Dataset(train {train}, test {test}, classes: {len(self.class_names)}{concepts})"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        c, h, w = self.train.images.shape[1:]
        return int(c), int(h), int(w)

    @property
    def offers(self) -> frozenset[Capability]:
        """Which of the observations, the reference images and the renderer it has."""
        known = {
            Capability.OBSERVATIONS: self.train.concepts,
            Capability.REFERENCE: self.reference,
            Capability.RENDERER: self.renderer,
        }
        return frozenset(capability for capability, part in known.items() if part is not None)

    @property
    def outline(self) -> Outline:
        """Its names and shapes, without the images."""
        measured = self.train.concepts
        is_measured = measured is not None and measured.shape[1] > 0
        return Outline(
            class_names=self.class_names,
            image_shape=self.image_shape,
            concept_names=self.concept_names if is_measured else (),
            offers=self.offers,
        )

    @classmethod
    def from_folder(
        cls,
        path: str | Path,
        *,
        size: int = 64,
        channels: Literal[1, 3] = 3,
        fit: Fit = "crop",
        background: str = "white",
        test_fraction: float = 0.25,
        concepts: str | Path | None = None,
        graph: str | Path | None = None,
        held_out: bool | None = None,
        seed: int = 0,
        progress: Progress = SILENT,
    ) -> Self:
        """Read ``path/<class>/``, or ``path/train/<class>/`` and ``path/test/<class>/``.

        It is what the data set ``image-folder`` of a spec reads, with the same settings and, for
        the same seed, the same test images.

        Parameters
        ----------
        path
            The folder of the class folders, whose names are the classes in alphabetical order.
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
            The share of each class that is drawn for the test, if there are no folders ``train``
            and ``test``.
        concepts
            A CSV file of measured concepts: the file's path below ``path``, then a number for each
            concept, which the header names.
        graph
            The true causal graph over the concepts: ``.graphml``, ``.dot`` or ``.json``.
        held_out
            Whether the classifier was never trained on the test images. By default that is taken
            to be so if there are folders ``train`` and ``test``, and else not known.
        seed
            Decides which test images are drawn.
        progress
            Receives the number of images that are read.

        Raises
        ------
        DataError
            If a setting, the folder or a file in it is not sound; the message names it.
        """
        from causalxai.image_data.folder import FolderReader
        from causalxai.image_data.settings import FolderSettings, checked

        settings = checked(
            FolderSettings, path=path, size=size, channels=channels, fit=fit,
            background=background, test_fraction=test_fraction, concepts=concepts, graph=graph,
        )  # fmt: skip
        return cls._of(FolderReader(settings).read(_drawing(seed), progress), held_out)

    @classmethod
    def from_tensors(
        cls,
        images: Array,
        labels: Array,
        *,
        class_names: Sequence[str],
        concepts: Array | None = None,
        concept_names: Sequence[str] = (),
        test: Given | None = None,
        test_fraction: float = 0.25,
        held_out: bool | None = None,
        seed: int = 0,
    ) -> Self:
        """Make a data set of tensors or arrays.

        Parameters
        ----------
        images
            ``[n, c, h, w]``, floats in [0, 1], as they are before they are standardised. Bytes are
            divided by 255, and channels that come last are moved to the front.
        labels
            ``[n]``, class indices, or names of classes.
        class_names
            ``K`` names, in the order of the class indices.
        concepts
            ``[n, m]``, numbers: measured concepts of the images.
        concept_names
            ``m`` names.
        test
            The images on which the classifier was never trained, ``(images, labels)`` or
            ``(images, labels, concepts)``. Without it, test images are drawn from ``images``.
        test_fraction
            The share of each class that is drawn for the test.
        held_out
            Whether the classifier was never trained on the test images. By default that is taken
            to be so if ``test`` is given, and else not known.
        seed
            Decides which test images are drawn.

        Raises
        ------
        DataError
            If tensors don't fit together, or values are not those of images, labels or concepts.
        """
        from causalxai.image_data.tensors import parts_of_tensors

        train: Given = (images, labels) if concepts is None else (images, labels, concepts)
        rng = _drawing(seed)
        parts = parts_of_tensors(train, test, class_names, concept_names, test_fraction, rng)
        return cls._of(parts, held_out)

    @classmethod
    def from_torch(
        cls,
        train: Any,
        test: Any = None,
        *,
        class_names: Sequence[str] | None = None,
        concept_names: Sequence[str] = (),
        test_fraction: float = 0.25,
        held_out: bool | None = None,
        seed: int = 0,
        progress: Progress = SILENT,
    ) -> Self:
        """Read a ``torch.utils.data.Dataset`` or ``DataLoader``.

        Every item is read once. If the images are too many to be kept in memory, they are read
        again when they are needed; that takes a data set which can be indexed and has no random
        augmentation.

        Parameters
        ----------
        train
            Items are (image, label) or (image, label, concepts). An image is a tensor in [0, 1], as
            it is before it is standardised.
        test
            The same, of images on which the classifier was never trained. Without it, test images
            are drawn from ``train``.
        class_names
            ``K`` names, in the order of the class indices; by default the ``classes`` that the data
            set has, as those of torchvision do.
        concept_names
            The names of the concepts.
        test_fraction, held_out, seed
            As in ``from_tensors``.
        progress
            Receives the number of items that are read.

        Raises
        ------
        DataError
            If items are of another kind, don't fit together, or cannot be read again.
        """
        from causalxai.image_data.torch_data import parts_of_torch

        parts = parts_of_torch(
            train, test, class_names, concept_names, test_fraction, _drawing(seed), progress
        )
        return cls._of(parts, held_out)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        image: str = "path",
        label: str = "label",
        concepts: Sequence[str] = (),
        part: str | None = None,
        root: str | Path = ".",
        class_names: Sequence[str] | None = None,
        held_out: bool | None = None,
        seed: int = 0,
        progress: Progress = SILENT,
        where: str = "the data frame",
        **reading: Unpack[Reading],
    ) -> Self:
        """Read the images that a ``pandas.DataFrame`` names, one in each row.

        Parameters
        ----------
        frame
            The data frame.
        image, label
            The columns of the images' paths and of their classes.
        concepts
            The columns of measured concepts, which are numbers.
        part
            A column that says ``train`` or ``test``. Without it, test images are drawn.
        root
            The folder to which the paths are relative.
        class_names
            The classes in the order of their indices; by default in alphabetical order.
        held_out
            Whether the classifier was never trained on the test images. By default that is taken
            to be so if there is a ``part``, and else not known.
        seed
            Decides which test images are drawn.
        progress
            Receives the number of images that are read.
        where
            The name of the table in messages.
        **reading
            ``size``, ``channels``, ``fit``, ``background`` and ``test_fraction``, as in
            ``from_folder``.

        Raises
        ------
        DataError
            If a setting, a column, a value or an image is not sound; the message names it.
        """
        from causalxai.image_data.settings import LookSettings, checked
        from causalxai.image_data.table import ImageTable

        table = ImageTable(frame, where, Path(root), image, label, tuple(concepts), part)
        settings = checked(LookSettings, **reading)
        return cls._of(table.read(settings, class_names, _drawing(seed), progress), held_out)

    @classmethod
    def from_csv(cls, path: str | Path, *, root: str | Path | None = None, **settings: Any) -> Self:
        """Read the images that a CSV file names, one in each row below the header.

        Parameters
        ----------
        path
            The file.
        root
            The folder to which the images' paths are relative; by default that of the file.
        **settings
            As in ``from_frame``.

        Raises
        ------
        DataError
            As in ``from_frame``, and if the file cannot be read.
        """
        from causalxai.image_data.table import read_csv

        folder = Path(path).parent if root is None else root
        return cls.from_frame(read_csv(Path(path)), root=folder, where=str(path), **settings)

    @classmethod
    def _of(cls, parts: DatasetParts, held_out: bool | None) -> Self:
        """Return the checked data set; ``held_out`` goes before what the parts say."""
        told = parts.held_out if held_out is None else held_out
        return cls(**{**vars(parts), "held_out": told})


def _drawing(seed: int) -> torch.Generator:
    """Return the generator with which a spec of this seed draws its test images."""
    from causalxai.seeding import torch_generator

    return torch_generator(seed, "dataset")


class DatasetSource(Plugin, ABC):
    """The source of a data set: a file, a folder or a renderer."""

    def outline(self) -> Outline | None:
        """Return the names and shapes that the data set will have, if they are known at once.

        A source that has to read images, to draw them or to fetch them for it returns ``None``, as
        by default. Settings are then checked when the data set is loaded.

        Raises
        ------
        DataError
            If files are missing or damaged; the message names them.
        """
        return None

    @abstractmethod
    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Read or generate the data.

        Raises
        ------
        DataError
            If files are missing or damaged; the message names them.
        """
