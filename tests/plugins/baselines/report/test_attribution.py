from __future__ import annotations

import torch

from causalxai import Explanation
from causalxai_baselines.report.attribution import overlay_section


def explanation(heat: torch.Tensor) -> Explanation:
    target = torch.tensor([0, 1])
    return Explanation(torch.rand(2, 1, 2, 2), target, maps={"heat": heat})


def test_where_the_support_lies_is_said_in_a_sentence():
    heat = torch.tensor([[[9.0, 1.0], [1.0, -5.0]], [[-1.0, 0.0], [2.0, 0.0]]])
    section = overlay_section(explanation(heat), ("a", "b"), "heat", "")
    assert section.finding == (
        "Half of the support for the class lies on 25% of the pixels, by heat."
    )
    assert section.doubt == ""


def test_maps_that_are_alike_for_all_classes_are_doubted():
    pattern = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    section = overlay_section(
        explanation(torch.stack([pattern, 2 * pattern])), ("a", "b"), "heat", ""
    )
    assert section.doubt.startswith("The mean maps of “heat” for different classes are nearly")


def test_a_map_without_support_says_so():
    section = overlay_section(explanation(-torch.ones(2, 2, 2)), ("a", "b"), "heat", "")
    assert section.finding == "In no image does heat find a pixel that supports the class."
