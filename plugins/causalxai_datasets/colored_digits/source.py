"""The data set of digits whose colour depends on the label."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, NonNegativeInt, model_validator
from torch import Tensor
from torch.nn import functional

from causalxai.dataset import Dataset, DatasetSource
from causalxai.graph import CausalGraph
from causalxai.outline import Outline
from causalxai.plugin import FolderToRead, PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai_datasets.colored_digits.renderer import (
    BRIGHTNESS,
    CONCEPTS,
    HUES,
    ColoredDigitRenderer,
    coloured,
)
from causalxai_datasets.digit_classes import ALL_DIGITS, DigitClasses
from causalxai_datasets.digits import Digits
from causalxai_datasets.drawn_dataset import as_split, drawn_dataset, drawn_outline
from causalxai_datasets.mnist import Mnist

# The standard deviation, in degrees, of hues of the same class.
_SPREAD = 5.0
# A digit without a brighter pixel stays blank.
_FAINT = 1e-3


class ColoredDigits(DatasetSource):
    """Handwritten digits in colours that depend on the label, as far as ``strength`` says [1]_.

    Every class has a hue; the hues are evenly spaced from red (0 degrees) over green and blue to
    violet (270 degrees). A digit has its class's hue with probability ``strength``, and that of any
    class, each as likely, otherwise; normal noise with a standard deviation of five degrees is
    added. Brightness is uniform between 0.5 and 1, whatever the class. A classifier that relies on
    colour rather than on strokes is wrong where the colour is that of another class.

    Concepts are hue and brightness. The label is a cause of the hue but not a concept, so that
    ``Dataset.graph`` has no edges, and do() on either changes nothing else: the same strokes are
    drawn in another colour.

    References
    ----------
    .. [1] Kim, Kim, Kim, Kim, Kim, "Learning not to learn: training deep neural networks with
       biased data", CVPR 2019; Arjovsky, Bottou, Gulrajani, Lopez-Paz, "Invariant risk
       minimization", arXiv 1907.02893.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        strength
            The share of the digits with the hue of their class for certain; 0 makes hue and label
            independent.
        test_strength
            The same for the test images; by default as in training.
        base
            The source of the digits.
        path
            The folder of MNIST's files, as for the data set ``mnist``.
        classes
            The digits of each class, by its name: ``{"3": [3], "8": [8]}``. Each digit may occur
            once, and others are left out. By default each digit is a class.
        size
            Height and width in pixels.
        draws
            The number of images of each training digit, with different colours.
        references
            The number of additional reference images, of the training digits in turn; their colours
            do not depend on the label.
        limit, test_limit
            The largest numbers of training and test images; the first ones are used.
        """

        strength: float = Field(0.9, ge=0, le=1)
        test_strength: float | None = Field(None, ge=0, le=1)
        base: Literal["digits", "mnist"] = "digits"
        path: FolderToRead | None = None
        classes: DigitClasses | None = None
        size: int = Field(32, ge=16, le=256)
        draws: int = Field(1, ge=1, le=1000)
        references: NonNegativeInt = 0
        limit: int | None = Field(None, ge=1)
        test_limit: int | None = Field(None, ge=1)

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            if self.base == "digits" and self.path is not None:
                raise ValueError("path needs base: mnist; scikit-learn's digits need no files")
            return self

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        return drawn_outline(
            self._class_names, self.config.size, CONCEPTS, references=self.config.references
        )

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:
        """Colour the digits.

        Raises
        ------
        DataError
            If MNIST's files are missing or damaged.
        """
        digits = self._base().load(rng=rng, progress=progress)
        train, test = digits.train, digits.test[: self.config.test_limit]
        strokes = self._strokes(torch.cat([train.images[:], test.images[:]]))
        own = torch.arange(len(train)).repeat(self.config.draws)[: self.config.limit]
        again = torch.arange(self.config.references) % len(train)
        shown = torch.cat([own, len(train) + torch.arange(len(test)), again])
        labels = torch.cat([train.labels, test.labels])[shown]
        strength, sizes = self.config.strength, (len(own), len(test), len(again))
        test_strength = self.config.test_strength
        strengths = (strength, strength if test_strength is None else test_strength, 0.0)
        values = torch.cat([
            self._sample(labels_of, strength_of, rng)
            for labels_of, strength_of in zip(labels.split(sizes), strengths, strict=True)
        ])  # fmt: skip
        images = coloured(strokes[shown], values)
        return drawn_dataset(
            as_split(images, labels, values, groups=shown),
            sizes,
            self._class_names,
            CausalGraph(CONCEPTS),
            ColoredDigitRenderer(strokes, shown, values, [images]),
        )

    def fingerprint(self) -> str:
        """Return the digest of MNIST's files, if they are the base."""
        return self._base().fingerprint()

    def looks_at_files(self) -> bool:
        """Return whether there is a path; without one, only ``load`` reads files."""
        return self.config.path is not None

    def portable_config(self) -> dict[str, object]:
        """Return the config without the path."""
        return self.config.model_dump(mode="json", exclude={"path"})

    def _base(self) -> Digits | Mnist:
        classes = self.config.classes
        if self.config.base == "mnist":
            return Mnist(path=self.config.path, size=self.config.size, classes=classes)
        return Digits(size=8, classes=classes)

    def _strokes(self, digits: Tensor) -> Tensor:
        """Return digits ``[m, 1, size, size]``, of which the brightest pixel is 1 unless blank."""
        if self.config.base == "digits":
            # Strokes reach the border of these images and would be cut off without a margin.
            small = functional.pad(digits, (1, 1, 1, 1))
            size = self.config.size
            digits = functional.interpolate(small, size=size, mode="bicubic", align_corners=False)
        digits = digits.clamp(min=0)
        return digits / digits.amax(dim=(1, 2, 3), keepdim=True).clamp(min=_FAINT)

    @property
    def _class_names(self) -> tuple[str, ...]:
        return tuple(self.config.classes or ALL_DIGITS)

    def _sample(self, labels: Tensor, strength: float, rng: torch.Generator) -> Tensor:
        """Return hue and brightness, ``[n, 2]`` float64, of digits of some classes."""
        n = len(labels)
        hues = torch.linspace(*HUES, len(self._class_names), dtype=torch.float64)
        any_class = torch.randint(len(hues), (n,), generator=rng)
        of_own_class = torch.rand(n, generator=rng) < strength
        hue = hues[torch.where(of_own_class, labels, any_class)]
        hue += _SPREAD * torch.randn(n, generator=rng, dtype=torch.float64)
        low, high = BRIGHTNESS
        shares = torch.rand(n, generator=rng, dtype=torch.float64)
        return torch.stack([hue.clamp(*HUES), low + (high - low) * shares], dim=1)
