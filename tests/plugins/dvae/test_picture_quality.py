"""Figures of pictures: which images they are taken of."""

from __future__ import annotations

import pytest
import torch

from causalxai import Classifier, Dataset
from causalxai.errors import DataError
from causalxai_dvae import picture_quality
from causalxai_dvae.bit_space import BitSpace
from causalxai_dvae.picture_quality import PictureQuality, measure_pictures


def measure(
    space: BitSpace, classifier: Classifier, images: torch.Tensor, mean_image: torch.Tensor
) -> PictureQuality:
    return measure_pictures(
        space.generator_,
        space.autoencoder_,
        space.layer_,
        classifier,
        activations=space.activations(images),
        images=images,
        mean_image=mean_image,
        rng=torch.Generator().manual_seed(0),
    )


def test_pictures_that_are_not_finite_are_refused(
    bit_space: BitSpace,
    bar_classifier: Classifier,
    bar_data: Dataset,
    monkeypatch: pytest.MonkeyPatch,
):
    def overflowing(phi: torch.Tensor) -> torch.Tensor:
        return torch.full((len(phi), *bar_data.image_shape), torch.inf)

    monkeypatch.setattr(bit_space.generator_, "paint", overflowing)
    images = bar_data.test.images
    with pytest.raises(DataError, match=r"not finite: lower concepts\.generator\.learning_rate"):
        measure(bit_space, bar_classifier, images, images.mean(dim=0))


def test_shared_information_is_of_all_classes_though_images_come_class_by_class(
    bit_space: BitSpace,
    bar_classifier: Classifier,
    bar_data: Dataset,
    monkeypatch: pytest.MonkeyPatch,
):
    order = bar_data.test.labels.argsort(stable=True)
    images, labels = bar_data.test.images[order], bar_data.test.labels[order]
    activations, seen = bit_space.activations(images), []
    shared_information = picture_quality.shared_information

    def note(generator, layer, autoencoder, some, **options):
        seen.append(some)
        return shared_information(generator, layer, autoencoder, some, **options)

    monkeypatch.setattr(picture_quality, "shared_information", note)
    monkeypatch.setattr(picture_quality, "_INFORMED", 20)
    measure(bit_space, bar_classifier, images, images.mean(dim=0))
    rows = [int((activations == one).all(dim=1).nonzero()[0]) for one in seen[0]]
    assert len(set(rows)) == 20
    assert set(labels[:20].tolist()) == {0}
    assert set(labels[rows].tolist()) == {0, 1, 2}
