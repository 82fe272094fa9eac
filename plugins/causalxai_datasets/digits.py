"""The digits that are part of scikit-learn, without a download."""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn import functional

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.image_data.stratified import stratified_split
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai_datasets.digit_classes import ALL_DIGITS, DigitClasses, grouped


class Digits(DatasetSource):
    """1 797 handwritten digits of 8 x 8 pixels, enlarged; white on black, one channel [1]_.

    References
    ----------
    .. [1] Alpaydin, Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
       Repository, 1998; the test part, as in ``sklearn.datasets.load_digits``.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        size
            Height and width in pixels.
        test_fraction
            The share of each digit that is drawn for the test.
        classes
            The digits of each class, by its name: ``{"3": [3], "8": [8]}``. Each digit may occur
            once, and others are left out. By default each digit is a class.
        """

        size: int = Field(32, ge=8, le=256)
        test_fraction: float = Field(0.25, gt=0, lt=1)
        classes: DigitClasses | None = None

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        size = self.config.size
        return Outline(tuple(self.config.classes or ALL_DIGITS), (1, size, size))

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:  # noqa: ARG002
        """Enlarge the digits by cubic interpolation and stretch the contrast of each to [0, 1]."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        small = torch.from_numpy(digits.images).float().unsqueeze(1)
        large = functional.interpolate(
            small, size=self.config.size, mode="bicubic", align_corners=False
        )
        large = large.clamp(min=0)  # Cubic interpolation undershoots the black of the background.
        everything = Split(
            large / large.amax(dim=(1, 2, 3), keepdim=True), torch.from_numpy(digits.target).long()
        )
        train, test = stratified_split(everything.labels, self.config.test_fraction, rng)
        return Dataset(
            train=grouped(everything[train], self.config.classes),
            test=grouped(everything[test], self.config.classes),
            class_names=tuple(self.config.classes or ALL_DIGITS),
        )
