"""Attributions by gradients refuse networks without gradients, or say what is doubtful."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Classifier, Dataset, ScoringInputs, Split
from causalxai.errors import CapabilityError
from causalxai.report.builder import ReportInputs
from causalxai_baselines.deep_lift import DeepLift, DeepShap
from causalxai_baselines.grad_cam import GradCam
from causalxai_baselines.gradients import IntegratedGradients, Saliency
from causalxai_baselines.report.attribution import explanation_report

SHAPE = (1, 8, 8)
IMAGES = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))
BY_GRADIENTS = [Saliency, IntegratedGradients, GradCam, DeepLift, partial(DeepShap, baselines=3)]


class Net(nn.Module):
    """A small network with places before and behind its convolution for what a case is about."""

    def __init__(self, before=lambda x: x, behind=lambda x: x) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.out = nn.Linear(4 * 36, 3)
        self.before, self.behind = before, behind

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(self.before(x)))
        logits: Tensor = self.out(self.behind(x).flatten(1))
        return logits


def rounded(x: Tensor) -> Tensor:
    return (x * 255).round() / 255


def inputs_of(model: nn.Module) -> ScoringInputs:
    classifier = Classifier(model, class_names="abc", image_shape=SHAPE)
    split = Split(IMAGES, torch.arange(6) % 3)
    dataset = Dataset(train=split, test=split, class_names=("a", "b", "c"))
    return ScoringInputs(
        classifier=classifier, dataset=dataset, rng=torch.Generator().manual_seed(0)
    )


def seeded(*places) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Net(*places)


@pytest.mark.parametrize("make", BY_GRADIENTS)
def test_a_rounding_behind_the_convolution_leaves_no_gradient(make):
    inputs = inputs_of(seeded(lambda x: x, rounded))
    with pytest.raises(CapabilityError, match=r"gradient|does not add up"):
        make().explain(IMAGES, 1, inputs)


@pytest.mark.parametrize("make", [Saliency, IntegratedGradients, DeepLift])
def test_a_rounded_image_leaves_no_gradient(make):
    with pytest.raises(CapabilityError, match="such as a rounding"):
        make().explain(IMAGES, 1, inputs_of(seeded(rounded)))


def test_a_rounded_image_is_no_matter_for_grad_cam():
    explanation = GradCam(relu=False).explain(IMAGES, 1, inputs_of(seeded(rounded)))
    expected = GradCam(relu=False).explain(rounded(IMAGES), 1, inputs_of(seeded()))
    torch.testing.assert_close(explanation.maps["grad-cam"], expected.maps["grad-cam"])


def test_the_gap_of_integrated_gradients_is_told(caplog):
    inputs = inputs_of(seeded(lambda x: 0.3 * x + 0.7 * x.detach()))
    explainer = IntegratedGradients()
    explanation = explainer.explain(IMAGES, 1, inputs)
    (remark,) = explanation.meta["remarks"]
    assert "miss the differences of the logits" in remark
    assert "70%" in remark
    assert caplog.text.count("miss the differences") == 1
    explainer.explain(IMAGES, 1, inputs)
    assert caplog.text.count("miss the differences") == 1, "the log says it once"
    report = ReportInputs(classifier=inputs.classifier, dataset=inputs.dataset, rng=inputs.rng)
    (section,) = explanation_report(explainer, explanation, report)
    assert remark in section.items[0].text


@pytest.mark.parametrize("make", BY_GRADIENTS)
def test_ordinary_networks_have_no_remarks(make, caplog):
    explanation = make().explain(IMAGES, 1, inputs_of(seeded()))
    assert explanation.meta["remarks"] == []
    assert "flat" not in explanation.details
    assert not caplog.records


def test_single_maps_of_zeros_are_told():
    """A step between .5 and .6 that only bright images are above."""
    model = seeded(lambda x: x * (x.mean(dim=(1, 2, 3), keepdim=True) > 0.2))
    images = torch.cat([IMAGES[:3], 0.1 * IMAGES[3:]])
    explanation = Saliency().explain(images, 1, inputs_of(model))
    (remark,) = explanation.meta["remarks"]
    assert "zero in every pixel for 3 of 6 images" in remark


def test_the_map_of_the_baseline_itself_is_rightly_zero():
    explanation = IntegratedGradients().explain(torch.zeros(2, *SHAPE), 1, inputs_of(seeded()))
    assert not explanation.maps["integrated gradients"].any()
    assert explanation.meta["remarks"] == []


def test_logits_that_never_change_rightly_have_no_gradient():
    explanation = Saliency().explain(IMAGES, 1, inputs_of(seeded(lambda x: 0 * x)))
    assert not explanation.maps["saliency"].any()


def test_infinite_gradients_are_refused():
    model = seeded(lambda x: x - x.sqrt() + x.sqrt())
    images = IMAGES.clone()
    images[0, 0, 0, 0] = 0
    with pytest.raises(CapabilityError, match="not finite for 1 of 6 images"):
        Saliency().explain(images, 1, inputs_of(model))


class ABA(nn.Module):
    """Convolution a, convolution b, and a again, declared in another order, and one that idles."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(1, 4, 3, padding=1)
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1)
        self.out = nn.Linear(4, 3)
        self.idle = nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.inner(x))
        for layer in (self.a, self.b, self.a):
            x = F.relu(layer(x))
        logits: Tensor = self.out(x.mean(dim=(2, 3)))
        return logits


@pytest.mark.parametrize("layer", [None, "a", "b"])
def test_grad_cam_takes_the_last_run(layer):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ABA().eval()
    found = GradCam(layer=layer).explain(IMAGES, 1, inputs_of(model)).maps["grad-cam"]
    runs = []
    handle = getattr(model, layer or "a").register_forward_hook(
        lambda _m, _a, out: runs.append(out)
    )
    logits = model(IMAGES.clone().requires_grad_())
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), runs[-1])
    coarse = (gradient.mean(dim=(2, 3), keepdim=True) * runs[-1]).sum(dim=1, keepdim=True).relu()
    expected = F.interpolate(coarse, size=SHAPE[1:], mode="bilinear")[:, 0]
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected)


class Modules(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))


def test_deep_lift_sees_hooks_of_the_whole_network():
    """A traced copy has no hooks of the network itself, and is not used."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain = Modules()
    hooked = deepcopy(plain)
    hooked.register_forward_pre_hook(lambda _m, args: (1 - args[0],))
    found = DeepLift(baseline="grey").explain(IMAGES, 1, inputs_of(hooked)).maps["deep-lift"]
    # The grey baseline is its own opposite.
    expected = DeepLift(baseline="grey").explain(1 - IMAGES, 1, inputs_of(plain)).maps["deep-lift"]
    torch.testing.assert_close(found, expected)


def test_deep_lift_needs_a_copy():
    inputs = inputs_of(Modules())
    inputs.classifier.model.lines = (line for line in "ab")
    with pytest.raises(CapabilityError, match="can't be copied"):
        DeepLift().explain(IMAGES, 1, inputs)
