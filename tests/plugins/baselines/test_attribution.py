from __future__ import annotations

import torch

from causalxai.seeding import torch_generator
from causalxai_baselines.attribution import baseline_of
from tests.plugins.baselines.small_networks import SHAPE


def test_a_baseline_is_black_grey_or_the_images_own_mean():
    images = torch.rand(3, *SHAPE, generator=torch_generator(2))
    assert not baseline_of(images, "black").any()
    assert (baseline_of(images, "grey") == 0.5).all()
    mean = baseline_of(images, "mean")
    torch.testing.assert_close(mean[..., 0, 0], images.mean(dim=(2, 3)))
    assert (mean == mean[..., :1, :1]).all()
