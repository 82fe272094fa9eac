from __future__ import annotations

import pytest
import torch

from causalxai.report.maps import (
    correlation_between_classes,
    doubt_of_maps,
    share_with_half_of_support,
)


def test_half_of_the_support_lies_on_few_pixels_or_many():
    maps = torch.tensor([[[3.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    # One pixel of four in the first image, two in the second.
    assert share_with_half_of_support(maps) == pytest.approx((0.25 + 0.5) / 2)
    assert share_with_half_of_support(maps[:1] - 2) == pytest.approx(0.25)
    assert share_with_half_of_support(-maps) is None


def test_maps_that_are_the_same_for_every_class_are_told():
    target = torch.tensor([0, 0, 1])
    pattern = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    same = torch.stack([pattern, 3 * pattern, 2 * pattern + 1])
    assert correlation_between_classes(same, target) == pytest.approx(1.0)
    assert doubt_of_maps("heat", same, target) == (
        "The mean maps of “heat” for different classes are nearly the same (correlation 1.00): do "
        "not take them for what distinguishes one class from another."
    )
    opposite = torch.stack([pattern, pattern, -pattern])
    assert correlation_between_classes(opposite, target) == pytest.approx(-1.0)
    assert doubt_of_maps("heat", opposite, target) == ""


def test_one_class_or_a_constant_map_has_no_correlation():
    maps = torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(0))
    assert correlation_between_classes(maps, torch.zeros(3)) is None
    assert correlation_between_classes(torch.ones(2, 2, 2), torch.tensor([0, 1])) is None
