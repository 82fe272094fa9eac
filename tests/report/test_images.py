from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalxai.report.images import as_shown, some_of_each_class


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.integers(1, 8), st.data())
def test_classes_take_turns(target: list[int], most: int, data: st.DataObject):
    among = data.draw(st.none() | st.sets(st.integers(0, len(target) - 1)))
    found = some_of_each_class(torch.tensor(target), most, among)
    allowed = set(range(len(target))) if among is None else among
    assert set(found) <= allowed
    assert len(found) == len(set(found)) == min(most, len(allowed))
    assert found == sorted(found, key=lambda image: (target[image], image))
    # A class has fewer than another by two or more only if it has no more.
    shown = {klass: sum(target[image] == klass for image in found) for klass in set(target)}
    there = {klass: sum(target[image] == klass for image in allowed) for klass in set(target)}
    assert all(
        shown[one] >= shown[other] - 1 or shown[one] == there[one]
        for one in shown
        for other in shown
    )


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (3, 3), (2, 1), (5, 1)])
def test_images_have_one_colour_or_three(channels: int, shown: int):
    image = torch.rand(channels, 4, 6, generator=torch.Generator().manual_seed(0))
    drawn = as_shown(image)
    assert drawn.shape == (4, 6, shown)
    if channels == shown:
        assert torch.equal(drawn.movedim(-1, 0), image)
    else:
        assert torch.allclose(drawn[..., 0], image.mean(dim=0))
