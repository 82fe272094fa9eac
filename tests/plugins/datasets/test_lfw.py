from __future__ import annotations

import torch
from skimage.data import lfw_subset

from causalxai.seeding import torch_generator
from causalxai_datasets.lfw import Lfw


def test_a_hundred_faces_and_a_hundred_others_are_enlarged() -> None:
    data = Lfw().load(rng=torch_generator(0))

    assert data.image_shape == (1, 32, 32)
    assert data.class_names == ("face", "no face")
    assert data.train.labels.bincount().tolist() == [75, 75]
    assert data.test.labels.bincount().tolist() == [25, 25]


def test_at_their_own_size_the_images_are_those_of_the_package() -> None:
    data = Lfw(size=25, test_fraction=0.5).load(rng=torch_generator(0))
    raw = torch.from_numpy(lfw_subset()).float()
    both = torch.cat([data.train.images, data.test.images])[:, 0]
    labels = torch.cat([data.train.labels, data.test.labels])

    for number, image in enumerate(raw):
        (row,) = (both == image).all(dim=(1, 2)).nonzero().flatten().tolist()
        assert int(labels[row]) == (number >= 100)


def test_the_seed_decides_the_split() -> None:
    first, again, other = (Lfw().load(rng=torch_generator(seed)).test for seed in (0, 0, 1))

    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)
