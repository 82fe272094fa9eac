from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai_baselines.occlusion import Occlusion
from tests.plugins.baselines.small_networks import explained, weights


def test_occlusion_of_a_linear_model_is_the_windows_share(linear):
    images = linear.dataset.test.images
    share = (weights(linear) * images).sum(dim=1, keepdim=True)
    by_window = F.avg_pool2d(share, 3) * 9
    expected = F.interpolate(by_window, scale_factor=3)[:, 0]
    found = explained(Occlusion(window=3, stride=3), linear)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_occlusion_refuses_windows_that_leave_gaps_or_do_not_fit(linear):
    for settings in ({"window": 13}, {"window": 2, "stride": 3}):
        with pytest.raises(CapabilityError, match="stride <= window <= 12"):
            explained(Occlusion(**settings), linear)
