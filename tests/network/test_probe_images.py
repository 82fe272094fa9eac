from itertools import pairwise

import torch

from causalxai.network.probe_images import probe_images


def test_they_differ_and_are_the_same_in_every_call():
    images = probe_images((3, 9, 7))
    assert images.shape == (7, 3, 9, 7)
    assert torch.equal(images, probe_images((3, 9, 7)))
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1
    means = images.mean(dim=(1, 2, 3))
    assert float(means.max()) > 0.85
    assert float(means.min()) < 0.2
    assert all(not torch.equal(a, b) for a, b in pairwise(images))
