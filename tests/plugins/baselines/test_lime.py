from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai.seeding import torch_generator
from causalxai_baselines.lime import Lime
from tests.plugins.baselines.small_networks import SHAPE, weights


@pytest.mark.parametrize("segmentation", ["slic", "felzenszwalb"])
def test_lime_recovers_what_each_superpixel_gives_a_linear_model(segmentation, linear):
    lime = Lime(samples=300, segments=9, segmentation=segmentation, ridge=1e-6)
    images = linear.dataset.test.images
    explanation = lime.explain(images, 1, linear)
    share = (weights(linear) * images).sum(dim=1)
    segments = explanation.details["segments"]
    assert int(segments.max()) > 3
    for heat, region, pixels in zip(explanation.maps["lime"], segments, share, strict=True):
        for number in region.unique():
            inside = region == number
            assert heat[inside].tolist() == pytest.approx(
                [float(pixels[inside].sum())] * int(inside.sum()), abs=2e-3
            )


def test_lime_refuses_one_superpixel(linear):
    blank = torch.full((2, *SHAPE), 0.5)
    lime = Lime(segments=2, segmentation="felzenszwalb")
    with pytest.raises(CapabilityError, match="one superpixel"):
        lime.explain(blank, 0, linear)


def test_lime_refuses_a_kernel_that_no_sample_is_near_enough_for(linear):
    images = torch.rand(1, *SHAPE, generator=torch_generator(2))
    with pytest.raises(CapabilityError, match=r"kernel_width is so small"):
        Lime(samples=20, segments=9, kernel_width=1e-320).explain(images, 0, linear)
