from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai import Classifier
from causalxai.errors import CapabilityError
from causalxai_glance.perception import ChannelStatistics


def test_features_are_each_channels_statistics_and_the_embedding(
    glimpse: Classifier, rng: torch.Generator
) -> None:
    images = torch.rand(300, 1, 8, 8, generator=rng)
    found = ChannelStatistics(glimpse, pooled=2)(images)
    maps = glimpse.model.get_submodule("conv")(images)
    assert found.shape == (300, 4 * 3 + 4 * 4 + 6)
    torch.testing.assert_close(found[:, :4], maps.mean(dim=(2, 3)))
    torch.testing.assert_close(found[:, 4:8], maps.amax(dim=(2, 3)))
    torch.testing.assert_close(found[:, 8:12], maps.flatten(2).std(dim=2, correction=0))
    quarters = torch.stack(
        [
            maps[:, :, a, b].mean(dim=(2, 3))
            for a in (slice(3), slice(3, 6))
            for b in (slice(3), slice(3, 6))
        ],
        dim=2,
    )
    torch.testing.assert_close(found[:, 12:28], quarters.flatten(1))
    torch.testing.assert_close(found[:, 28:], glimpse.embed(images))


def test_features_do_not_depend_on_the_batch(glimpse: Classifier, rng: torch.Generator) -> None:
    images = torch.rand(260, 1, 8, 8, generator=rng)
    read = ChannelStatistics(glimpse)
    torch.testing.assert_close(read(images)[257:], read(images[257:]))


def test_no_hook_stays_behind(glimpse: Classifier) -> None:
    ChannelStatistics(glimpse)(torch.zeros(2, 1, 8, 8))
    with pytest.raises(RuntimeError):
        ChannelStatistics(glimpse)(torch.zeros(2, 3, 8, 8))
    assert not any(module._forward_hooks for module in glimpse.model.modules())


def test_without_a_linear_last_layer_there_are_no_features() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 8), nn.Flatten(), nn.ReLU())
    classifier = Classifier(model, class_names=("a", "b"), image_shape=(1, 8, 8))
    with pytest.raises(CapabilityError, match="last layer must be linear"):
        ChannelStatistics(classifier)(torch.zeros(2, 1, 8, 8))
