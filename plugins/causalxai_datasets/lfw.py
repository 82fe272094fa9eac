"""Faces of people and pieces of background, which are part of scikit-image."""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn import functional

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.image_data.stratified import stratified_split
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress

_FACES = 100


class Lfw(DatasetSource):
    """100 faces of Labeled Faces in the Wild [1]_ and 100 pieces of its backgrounds, in grey.

    They are 25 x 25 pixels and are enlarged; ``skimage.data.lfw_subset`` has them without a
    download. The classes are ``face`` and ``no face``.

    References
    ----------
    .. [1] Huang, Mattar, Lee, Learned-Miller, "Learning to align from scratch", NIPS 2012.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        size
            Height and width in pixels.
        test_fraction
            The share of each class that is held out.
        """

        size: int = Field(32, ge=8, le=256)
        test_fraction: float = Field(0.25, gt=0, lt=1)

    config: Config

    def outline(self) -> Outline:
        """Return the classes and the shape of the images, which the settings decide."""
        return Outline(("face", "no face"), (1, self.config.size, self.config.size))

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:  # noqa: ARG002
        """Enlarge the images by bilinear interpolation, and draw those that are held out."""
        from skimage.data import lfw_subset

        small = torch.from_numpy(lfw_subset()).float().unsqueeze(1)
        images = functional.interpolate(small, size=self.config.size, mode="bilinear")
        labels = (torch.arange(len(images)) >= _FACES).long()
        train, test = stratified_split(labels, self.config.test_fraction, rng)
        everything = Split(images.clamp(0, 1), labels)
        return Dataset(
            train=everything[train], test=everything[test], class_names=("face", "no face")
        )
