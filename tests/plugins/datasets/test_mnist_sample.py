from __future__ import annotations

import torch

from causalxai.seeding import torch_generator
from causalxai_datasets import mnist_sample


def test_a_fifth_of_each_digit_is_held_out_and_none_is_in_both_parts() -> None:
    train, test = mnist_sample.read(torch_generator(0))

    assert train.labels.bincount().tolist() == [400] * 10
    assert test.labels.bincount().tolist() == [100] * 10
    assert train.images.dtype == torch.uint8
    assert train.images.shape[1:] == (28, 28)
    together = torch.cat([train.images, test.images]).flatten(1)
    assert len(together.unique(dim=0)) == mnist_sample.SIZE == len(together)
    # The mean of all 60 000 training images of MNIST is 0.1307.
    assert abs(float(together.float().mean()) / 255 - 0.1307) < 0.005


def test_the_first_digits_are_of_all_classes() -> None:
    train, test = mnist_sample.read(torch_generator(0))

    assert len(train.labels[:100].unique()) == len(test.labels[:100].unique()) == 10


def test_the_file_is_that_of_the_installed_package() -> None:
    assert mnist_sample.is_installed()
    assert mnist_sample.path().is_file()
