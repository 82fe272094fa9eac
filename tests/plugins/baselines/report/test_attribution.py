from __future__ import annotations

from functools import partial

import torch

from causalxai import Explanation
from causalxai_baselines.gradients import Saliency
from causalxai_baselines.report.attribution import explanation_report, overlay_section
from causalxai_models.lenet import LeNet
from tests.plugins.baselines.small_networks import context_of, seeded


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


def test_colour_and_grey_pictures_are_drawn(report_inputs):
    for shape in ((1, 16, 16), (3, 16, 16)):
        inputs = context_of(seeded(partial(LeNet, shape, 3)), shape)
        explainer = Saliency()
        explanation = explainer.explain(inputs.dataset.test.images, 0, inputs)
        (section,) = explanation_report(explainer, explanation, report_inputs(inputs))
        (figure,) = section.items
        assert figure.png.startswith(b"\x89PNG")
        assert section.title == "Where saliency looks"
