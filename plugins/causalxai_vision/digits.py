"""The digits that come with scikit-learn: no download, no files."""

from __future__ import annotations

import torch
from pydantic import Field
from sklearn.datasets import load_digits
from torch.nn import functional

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai_vision.splits import stratified_split


class Digits(DatasetSource):
    """1 797 handwritten digits of 8 x 8 pixels, enlarged; white on black, one channel [1]_.

    References
    ----------
    .. [1] Alpaydin, Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning
       Repository, 1998; the test part, as ``sklearn.datasets.load_digits`` has it.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        size
            Height and width in pixels.
        test_fraction
            The share of each digit that is held out.
        """

        size: int = Field(32, ge=8)
        test_fraction: float = Field(0.25, gt=0, lt=1)

    config: Config

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:  # noqa: ARG002
        """Enlarge the digits cubically and stretch each one's contrast to [0, 1]."""
        digits = load_digits()
        small = torch.from_numpy(digits.images).float().unsqueeze(1)
        large = functional.interpolate(
            small, size=self.config.size, mode="bicubic", align_corners=False
        )
        large = large.clamp(min=0)  # Cubic curves swing below the black of the page.
        everything = Split(
            large / large.amax(dim=(1, 2, 3), keepdim=True), torch.from_numpy(digits.target).long()
        )
        train, test = stratified_split(everything.labels, self.config.test_fraction, rng)
        names = tuple(str(name) for name in digits.target_names)
        return Dataset(train=everything[train], test=everything[test], class_names=names)
