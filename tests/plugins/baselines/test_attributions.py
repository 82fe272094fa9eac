"""Attributions of captum against closed forms, and what all of them promise."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Explainer, ScoringInputs
from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
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
from causalxai_baselines.report.attribution import explanation_report
from causalxai_models.lenet import LeNet

SHAPE = (2, 12, 12)
CLASSES = ("a", "b", "c")
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


class Small(nn.Module):
    """Functional activations, a ReLU in place and used twice, windows that overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(SHAPE[0], 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4 * 5 * 5, len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.conv1(images))
        y = self.conv2(x)
        y += x
        y = F.max_pool2d(self.relu(y), 3, stride=2, padding=1).tanh()
        logits: Tensor = self.fc(y.flatten(1))
        return logits


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(SHAPE[0] * SHAPE[1] * SHAPE[2], len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(images.flatten(1))
        return logits


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def context_of(model: nn.Module, shape: tuple[int, int, int] = SHAPE) -> ScoringInputs:
    images = torch.rand(12, *shape, generator=torch_generator(1))
    with torch.no_grad():
        classes = tuple(str(k) for k in range(model(images).shape[1]))
    classifier = Classifier(model, class_names=classes, image_shape=shape)
    split = Split(images, classifier.predict(images))
    dataset = Dataset(train=split, test=split, class_names=classes)
    return ScoringInputs(classifier=classifier, dataset=dataset, rng=torch_generator(0))


def explained(explainer: Explainer, inputs: ScoringInputs, target: int = 1) -> Tensor:
    explanation = explainer.explain(inputs.dataset.test.images, target, inputs)
    return next(iter(explanation.maps.values()))


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


@pytest.fixture
def linear() -> ScoringInputs:
    return context_of(seeded(Linear))


def weights(inputs: ScoringInputs, k: int = 1) -> Tensor:
    return inputs.classifier.model.fc.weight[k].view(SHAPE)


def test_saliency_of_a_linear_model_is_its_weights(linear):
    expected = weights(linear).expand(12, *SHAPE)
    signed = explained(Saliency(absolute=False), linear)
    torch.testing.assert_close(signed, expected.sum(dim=1))
    torch.testing.assert_close(explained(Saliency(), linear), expected.abs().amax(dim=1))


@pytest.mark.parametrize("baseline", ["black", "grey", "mean"])
@pytest.mark.parametrize("explainer", [IntegratedGradients, DeepLift])
def test_a_linear_models_attributions_are_weight_times_change(explainer, baseline, linear):
    images = linear.dataset.test.images
    expected = weights(linear) * (images - baseline_of(images, baseline))
    found = explained(explainer(baseline=baseline), linear)
    torch.testing.assert_close(found, expected.sum(dim=1), atol=1e-5, rtol=1e-4)


def test_deep_shap_of_a_linear_model_compares_with_the_mean_baseline(linear):
    images = linear.dataset.test.images
    everything = DeepShap(baselines=len(images))
    expected = weights(linear) * (images - images.mean(dim=0))
    found = explained(everything, linear)
    torch.testing.assert_close(found, expected.sum(dim=1), atol=1e-5, rtol=1e-4)


def test_occlusion_of_a_linear_model_is_the_windows_share(linear):
    images = linear.dataset.test.images
    share = (weights(linear) * images).sum(dim=1, keepdim=True)
    by_window = F.avg_pool2d(share, 3) * 9
    expected = F.interpolate(by_window, scale_factor=3)[:, 0]
    found = explained(Occlusion(window=3, stride=3), linear)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


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


def test_grad_cam_is_the_papers_formula():
    inputs = context_of(seeded(Small))
    model, images = inputs.classifier.model, inputs.dataset.test.images
    features = model.conv2(F.relu(model.conv1(images))).requires_grad_()
    hidden = F.relu(features + F.relu(model.conv1(images)))
    logit = model.fc(F.max_pool2d(hidden, 3, 2, 1).tanh().flatten(1))[:, 1]
    (gradient,) = torch.autograd.grad(logit.sum(), features)
    coarse = (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True)
    expected = F.interpolate(coarse.detach(), SHAPE[1:], mode="bilinear")[:, 0]
    for layer in ("conv2", None):
        signed = GradCam(layer=layer, relu=False)
        torch.testing.assert_close(explained(signed, inputs), expected)
    kept = F.interpolate(coarse.detach().relu(), SHAPE[1:], mode="bilinear")[:, 0]
    assert (expected < 0).any()
    torch.testing.assert_close(explained(GradCam(), inputs), kept)


class Unmapped(Small):
    """Has layers without feature maps of their own, and one that its logits do not need."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Conv2d(SHAPE[0], 3, 3)])
        self.recurrent = nn.GRU(12, 12)
        self.table = Says(torch.ones(1, 4, 2, 2))

    def forward(self, images: Tensor) -> Tensor:
        self.parts[0](images)
        self.recurrent(images[:, 0])
        return super().forward(images) + self.table(images).mean()


class Says(nn.Module):
    def __init__(self, words: Tensor) -> None:
        super().__init__()
        self.words = words

    def forward(self, _images: Tensor) -> Tensor:
        return self.words


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        ("parts", "'parts' is never called"),
        ("fc", r"no feature maps .*: for 2 images it gives \[2, 3\]"),
        ("recurrent", "no feature maps .*: for 2 images it gives tuple"),
        ("table", r"for 2 images it gives \[1, 4, 2, 2\]"),
        ("parts.0", "'parts.0' has no part in the logits"),
    ],
)
def test_grad_cam_names_convolutions_where_a_layer_has_no_maps(layer, complaint):
    inputs = context_of(seeded(Unmapped))
    with pytest.raises(CapabilityError, match=rf"{complaint}.*\(the last convolutions: .*conv2\)$"):
        explained(GradCam(layer=layer), inputs)


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


@pytest.mark.parametrize("shape", [(1, 20, 20), (3, 16, 18)], ids=str)
@pytest.mark.parametrize("baseline", ["black", "grey", "mean"])
def test_deep_lift_adds_up_in_lenet(shape, baseline):
    inputs = context_of(seeded(partial(LeNet, shape, 4)), shape)
    images = inputs.dataset.test.images
    explanation = DeepLift(baseline=baseline).explain(images, 2, inputs)
    logits = inputs.classifier.logits
    expected = (logits(images) - logits(baseline_of(images, baseline)))[:, 2]
    total = explanation.maps["deep-lift"].sum(dim=(1, 2))
    torch.testing.assert_close(total, expected, atol=1e-5, rtol=1e-4)
    assert explanation.details["gap"].abs().max() < 1e-5


@pytest.mark.parametrize("model", [Small, partial(LeNet, (2, 16, 16), 3)], ids=["small", "lenet"])
def test_deep_shap_adds_up_to_the_mean_over_baselines(model):
    network = seeded(model)
    shape = (2, 16, 16) if isinstance(network, LeNet) else SHAPE
    inputs = context_of(network, shape)
    images = inputs.dataset.test.images
    total = explained(DeepShap(baselines=len(images)), inputs).sum(dim=(1, 2))
    logits = inputs.classifier.logits(images)[:, 1]
    torch.testing.assert_close(total, logits - logits.mean(), atol=1e-5, rtol=1e-4)


def test_deep_shap_is_the_mean_of_deep_lift_over_its_baselines():
    inputs = context_of(seeded(Small))
    images = inputs.dataset.test.images
    black = torch.zeros_like(images)
    train = Split(black, inputs.dataset.train.labels)
    on_black = replace(inputs, dataset=replace(inputs.dataset, train=train))
    torch.testing.assert_close(
        explained(DeepShap(baselines=3), on_black), explained(DeepLift(), inputs)
    )


def test_integrated_gradients_tell_what_their_sum_misses():
    inputs = context_of(seeded(Small))
    images = inputs.dataset.test.images
    few, many = (
        IntegratedGradients(steps=steps).explain(images, 1, inputs).details["gap"].abs().max()
        for steps in (4, 200)
    )
    assert many < few
    logits = inputs.classifier.logits
    expected = (logits(images) - logits(torch.zeros_like(images)))[:, 1]
    explanation = IntegratedGradients(steps=4).explain(images, 1, inputs)
    total = explanation.maps["integrated gradients"].sum(dim=(1, 2))
    torch.testing.assert_close(total - expected, explanation.details["gap"], atol=1e-5, rtol=0)


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


class Gelu(Linear):
    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(F.gelu(4 * images - 2).flatten(1))
        return logits


class Untraceable(nn.Module):
    """Depends on its input, which no trace can follow."""

    def __init__(self, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(SHAPE[0], 4, 3)
        self.activation = activation
        self.pool = nn.MaxPool2d(3, 1)
        self.fc = nn.Linear(4 * 8 * 8, len(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        if images.sum() < 0:
            images = -images
        x = self.conv(images)
        x = F.relu(x) if self.activation is None else self.activation(x)
        logits: Tensor = self.fc(self.pool(x).flatten(1))
        return logits


@pytest.mark.parametrize("explainer", [DeepLift(), DeepShap(baselines=3)])
def test_networks_where_the_rescale_rule_does_not_add_up_are_refused(explainer):
    with pytest.raises(CapabilityError, match=r"without a rule.*use integrated-gradients"):
        explained(explainer, context_of(seeded(Gelu)))
    with pytest.raises(CapabilityError, match=r"cannot be traced.*use integrated-gradients"):
        explained(explainer, context_of(seeded(Untraceable)))


class SlightlyCurved(Linear):
    """Has a root for which there is no rule; it weighs more the fainter an image is."""

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(1)
        logits: Tensor = self.fc(x) + 3e-4 * (x.sum(dim=1, keepdim=True) + 1e-4).sqrt()
        return logits


def test_whether_a_network_is_refused_is_no_matter_of_its_batches():
    inputs = context_of(seeded(SlightlyCurved))
    images = inputs.dataset.test.images.clone()
    images[0] *= 1e-3
    whole = DeepLift().explain(images, 1, inputs)
    gap = whole.details["gap"]
    difference = (whole.maps["deep-lift"].sum(dim=(1, 2)) - gap).abs()
    gap = gap.abs()
    # Alone in its batch, the faint image would be held against its own small difference.
    assert gap[0] > 0.01 * difference[0].clamp(min=1e-3)
    assert gap.max() < 0.01 * difference.max()
    for size in (1, 5):
        single = DeepLift(batch_size=size).explain(images, 1, inputs)
        torch.testing.assert_close(single.maps["deep-lift"], whole.maps["deep-lift"])


def test_everything_that_speaks_of_pixels_agrees_on_what_nothing_is():
    configs = (Lime.Config, Occlusion.Config, DeepLift.Config, IntegratedGradients.Config)
    baselines = {config().baseline for config in (*configs, PatchOracle.Config)}
    assert baselines == {PixelFlipping.Config().baseline}


def test_the_picture_of_an_unsigned_map_speaks_of_no_sign():
    assert "opposes" not in Saliency().map_note + GradCam().map_note
    for signed in (Saliency(absolute=False), GradCam(relu=False), Occlusion()):
        assert "orange opposes" in signed.map_note


def test_untraceable_networks_of_modules_are_followed():
    inputs = context_of(seeded(lambda: Untraceable(nn.ReLU(inplace=True))))
    explanation = DeepLift().explain(inputs.dataset.test.images, 0, inputs)
    assert explanation.details["gap"].abs().max() < 1e-5


def test_a_shared_module_that_cannot_be_parted_is_refused():
    class Twice(Untraceable):
        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = super().forward(self.activation(images - 0.5))
            return logits

    with pytest.raises(CapabilityError, match="cannot follow"):
        explained(DeepLift(), context_of(seeded(lambda: Twice(nn.ReLU()))))


def test_a_network_that_works_in_place_is_left_as_it_was():
    inputs = context_of(seeded(Small))
    before = deepcopy(inputs.classifier.model)
    for explainer in (DeepLift(), DeepShap(baselines=3), GradCam()):
        explained(explainer, inputs)
    after = inputs.classifier.model
    assert type(after) is Small
    assert after.relu.inplace
    assert str(after) == str(before)


def test_grad_cam_says_which_layers_there_are():
    inputs = context_of(seeded(Small))
    with pytest.raises(CapabilityError, match="did you mean 'conv1'"):
        explained(GradCam(layer="cnv1"), inputs)
    with pytest.raises(CapabilityError, match="no feature maps"):
        explained(GradCam(layer="fc"), inputs)
    with pytest.raises(CapabilityError, match="needs a convolution"):
        explained(GradCam(), context_of(seeded(Linear)))


def test_occlusion_refuses_windows_that_leave_gaps_or_do_not_fit(linear):
    for settings in ({"window": 13}, {"window": 2, "stride": 3}):
        with pytest.raises(CapabilityError, match="stride <= window <= 12"):
            explained(Occlusion(**settings), linear)


def test_lime_refuses_one_superpixel(linear):
    blank = torch.full((2, *SHAPE), 0.5)
    lime = Lime(segments=2, segmentation="felzenszwalb")
    with pytest.raises(CapabilityError, match="one superpixel"):
        lime.explain(blank, 0, linear)


def test_lime_refuses_a_kernel_that_no_sample_is_near_enough_for(linear):
    images = torch.rand(1, *SHAPE, generator=torch_generator(2))
    with pytest.raises(CapabilityError, match=r"kernel_width is so small"):
        Lime(samples=20, segments=9, kernel_width=1e-320).explain(images, 0, linear)


def test_a_baseline_is_black_grey_or_the_images_own_mean():
    images = torch.rand(3, *SHAPE, generator=torch_generator(2))
    assert not baseline_of(images, "black").any()
    assert (baseline_of(images, "grey") == 0.5).all()
    mean = baseline_of(images, "mean")
    torch.testing.assert_close(mean[..., 0, 0], images.mean(dim=(2, 3)))
    assert (mean == mean[..., :1, :1]).all()


def test_colour_and_grey_pictures_are_drawn(report_inputs):
    for shape in ((1, 16, 16), (3, 16, 16)):
        inputs = context_of(seeded(partial(LeNet, shape, 3)), shape)
        explainer = Saliency()
        explanation = explainer.explain(inputs.dataset.test.images, 0, inputs)
        (section,) = explanation_report(explainer, explanation, report_inputs(inputs))
        (figure,) = section.items
        assert figure.png.startswith(b"\x89PNG")
        assert section.title == "Where saliency looks"
