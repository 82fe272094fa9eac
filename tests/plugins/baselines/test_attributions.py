"""What all attributions of captum promise."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import Tensor

from causalxai import Explainer, ScoringInputs
from causalxai.metrics.pixel_flipping import PixelFlipping
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, parametrize_with_checks
from causalxai_baselines.attribution import Attribution, baseline_of
from causalxai_baselines.controls import ConstantExplainer, RandomExplainer
from causalxai_baselines.deep_lift import DeepLift, DeepShap
from causalxai_baselines.grad_cam import GradCam
from causalxai_baselines.gradients import IntegratedGradients, Saliency
from causalxai_baselines.lime import Lime
from causalxai_baselines.occlusion import Occlusion
from causalxai_baselines.patch_oracle import PatchOracle
from tests.plugins.baselines.small_networks import (
    CLASSES,
    Linear,
    Small,
    context_of,
    explained,
    seeded,
    weights,
)

ATTRIBUTIONS: dict[str, Callable[[], Attribution]] = {
    "saliency": Saliency,
    "saliency-signed": partial(Saliency, absolute=False),
    "integrated-gradients": partial(IntegratedGradients, steps=8, baseline="mean"),
    "occlusion": partial(Occlusion, window=4, stride=3),
    "grad-cam": GradCam,
    "grad-cam-signed": partial(GradCam, layer="conv1", relu=False),
    "deep-lift": partial(DeepLift, batch_size=3),
    "deep-shap": partial(DeepShap, baselines=5),
    "lime": partial(Lime, samples=40, segments=9),
    "lime-felzenszwalb": partial(Lime, samples=40, segments=9, segmentation="felzenszwalb"),
}


def bench(make: Callable[[], Explainer]) -> Bench[Explainer]:
    inputs = context_of(seeded(Small))
    return Bench(plugin=make(), inputs=inputs, images=inputs.dataset.test.images[:4])


@parametrize_with_checks(
    [
        *(Case(name, Explainer, partial(bench, make)) for name, make in ATTRIBUTIONS.items()),
        Case("random", Explainer, partial(bench, RandomExplainer)),
        Case("constant", Explainer, partial(bench, ConstantExplainer)),
    ]
)
def test_conformance(case, check):
    check(case.build())


@pytest.mark.parametrize("baseline", ["black", "grey", "mean"])
@pytest.mark.parametrize("explainer", [IntegratedGradients, DeepLift])
def test_a_linear_models_attributions_are_weight_times_change(explainer, baseline, linear):
    images = linear.dataset.test.images
    expected = weights(linear) * (images - baseline_of(images, baseline))
    found = explained(explainer(baseline=baseline), linear)
    torch.testing.assert_close(found, expected.sum(dim=1), atol=1e-5, rtol=1e-4)


class Typed(Small):
    """A network of another type, which takes and gives it."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.to(self.fc.weight.dtype))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.bfloat16, 0.1)], ids=str
)
@pytest.mark.parametrize("make", [GradCam, Saliency, IntegratedGradients, Occlusion, DeepLift])
def test_networks_of_other_types_have_maps_of_float32(make, dtype, tolerance):
    found = explained(make(), context_of(seeded(lambda: Typed().to(dtype))))
    expected = explained(make(), context_of(seeded(lambda: Typed().to(dtype).float())))
    assert found.dtype == torch.float32
    apart = float((found - expected).abs().mean())
    assert apart <= tolerance * float(expected.abs().mean())


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_the_size_of_batches_changes_nothing(name):
    inputs = context_of(seeded(Small))
    made = ATTRIBUTIONS[name]()
    maps = []
    for size in (1, 5, 64):
        explainer = type(made)(made.config.model_copy(update={"batch_size": size}))
        one = ScoringInputs(
            classifier=inputs.classifier, dataset=inputs.dataset, rng=torch_generator(3)
        )
        maps.append(explained(explainer, one))
    torch.testing.assert_close(maps[0], maps[1], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(maps[0], maps[2], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_global_random_numbers_are_neither_used_nor_drawn(name):
    inputs = context_of(seeded(Small))
    before = torch.random.get_rng_state()
    explained(ATTRIBUTIONS[name](), inputs)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_target_is_each_images_own():
    inputs = context_of(seeded(Linear))
    images = inputs.dataset.test.images
    classes = torch.arange(len(images)) % len(CLASSES)
    for explainer in (Saliency(), DeepLift(), DeepShap(baselines=4), IntegratedGradients()):
        rng = torch_generator(7)
        each = ScoringInputs(classifier=inputs.classifier, dataset=inputs.dataset, rng=rng)
        mixed = next(iter(explainer.explain(images, classes, each).maps.values()))
        for k in range(len(CLASSES)):
            one = ScoringInputs(
                classifier=inputs.classifier, dataset=inputs.dataset, rng=torch_generator(7)
            )
            alone = next(iter(explainer.explain(images, k, one).maps.values()))
            torch.testing.assert_close(mixed[classes == k], alone[classes == k])


def test_everything_that_speaks_of_pixels_agrees_on_what_nothing_is():
    configs = (Lime.Config, Occlusion.Config, DeepLift.Config, IntegratedGradients.Config)
    baselines = {config().baseline for config in (*configs, PatchOracle.Config)}
    assert baselines == {PixelFlipping.Config().baseline}


def test_the_picture_of_an_unsigned_map_speaks_of_no_sign():
    assert "opposes" not in Saliency().map_note + GradCam().map_note
    for signed in (Saliency(absolute=False), GradCam(relu=False), Occlusion()):
        assert "orange opposes" in signed.map_note


def test_a_network_that_works_in_place_is_left_as_it_was():
    inputs = context_of(seeded(Small))
    before = deepcopy(inputs.classifier.model)
    for explainer in (DeepLift(), DeepShap(baselines=3), GradCam()):
        explained(explainer, inputs)
    after = inputs.classifier.model
    assert type(after) is Small
    assert after.relu.inplace
    assert str(after) == str(before)
