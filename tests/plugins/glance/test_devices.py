"""On an accelerator GLANCE runs as on the CPU, also on one without double precision."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from causalxai import Classifier, Dataset, Intervention, ScoringInputs
from causalxai.testing.bench import stored
from causalxai_glance.explainer import GlanceExplainer
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.twin.quality import measure_quality
from causalxai_glance.twin_oracle import TwinOracle

ACCELERATOR = torch.accelerator.current_accelerator(check_available=True)
TINY = {"latents": 5, "steps": 9, "channels": 8, "batch_size": 8, "layers": 1}

needs_accelerator = pytest.mark.skipif(
    ACCELERATOR is None, reason="this machine has no accelerator"
)


class Single(Tensor):
    """Stands for a tensor on a device that has no double precision."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.cpu:
            return args[0].as_subclass(Tensor)
        if func is Tensor.double:
            raise TypeError("this device has no float64")
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.fixture
def elsewhere(squares: Dataset) -> Tensor:
    return squares.test.images[:5].as_subclass(Single)


def test_accuracy_needs_no_doubles_on_the_device(
    looker: Classifier, squares: Dataset, elsewhere: Tensor
):
    labels = squares.test.labels[:5]
    expected = looker.accuracy(squares.test.images[:5], labels)
    assert looker.accuracy(elsewhere, labels) == expected


def test_figures_need_no_doubles_on_the_device(
    looker: Classifier, squares: Dataset, latent_space: LatentSpace, elsewhere: Tensor
):
    def measure(images: Tensor):
        return measure_quality(
            latent_space.twin_, looker, images, squares.test.concepts[:5],
            mean_image=squares.train.images.mean(dim=0), rng=torch.Generator().manual_seed(0),
        )  # fmt: skip

    assert measure(elsewhere) == measure(squares.test.images[:5])


def test_oracle_and_explainer_need_no_doubles_on_the_device(
    glance_context: ScoringInputs, elsewhere: Tensor
):
    def explain(images: Tensor):
        inputs = replace(glance_context, rng=torch.Generator().manual_seed(0))
        target = inputs.classifier.predict(images.as_subclass(Tensor))
        return GlanceExplainer(samples=16, pictures=2).explain(images, target, inputs)

    found, expected = explain(elsewhere), explain(elsewhere.as_subclass(Tensor))
    assert torch.equal(found.importance, expected.importance)
    assert torch.equal(found.details["effect"], expected.details["effect"])


@pytest.fixture
def moved(looker: Classifier, monkeypatch: pytest.MonkeyPatch) -> Classifier:
    """The classifier on the accelerator, without TF32."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    return Classifier(
        deepcopy(looker.model),
        class_names=looker.class_names,
        image_shape=looker.image_shape,
        device=ACCELERATOR,
    )


@needs_accelerator
def test_a_fit_twin_answers_on_the_accelerator(moved: Classifier, squares: Dataset):
    rng = torch.Generator().manual_seed(0)
    space = LatentSpace(**TINY).fit(moved, squares, rng=rng)
    assert torch.isfinite(space.history_).all()
    units = space.encode(squares.test.images[:6])
    assert units.values.device.type == ACCELERATOR.type
    asked = Intervention.shift(torch.tensor([0, 1, 4]), 0.5)
    answer = TwinOracle().bind(moved, space).query(units, asked, want=("logits", "images"))
    assert answer.answer("logits").device.type == ACCELERATOR.type
    assert answer.answer("images").shape == (3, 6, *squares.image_shape)


@needs_accelerator
@pytest.mark.parametrize("propagate", [True, False])
def test_a_twins_answers_are_the_cpus(
    moved: Classifier, twin_oracle: TwinOracle, latent_space: LatentSpace, squares: Dataset,
    propagate: bool,
):  # fmt: skip
    space = LatentSpace(latent_space.config).restore(stored(latent_space.to_record()), moved)
    images, want = squares.test.images[:6], ("logits", "readback", "images")
    asked = Intervention.shift(torch.tensor([0, 1, 4]), 0.5)
    host = TwinOracle(propagate=propagate).bind(twin_oracle.classifier, latent_space)
    device = TwinOracle(propagate=propagate).bind(moved, space)
    expected = host.query(latent_space.encode(images), asked, want=want)
    found = device.query(space.encode(images), asked, want=want)
    for name in want:
        torch.testing.assert_close(
            found.answer(name).cpu(), expected.answer(name), rtol=1e-3, atol=1e-4
        )


@needs_accelerator
def test_explanations_are_the_cpus(moved: Classifier, glance_context: ScoringInputs):
    host = glance_context
    space = LatentSpace(host.space.config).restore(stored(host.space.to_record()), moved)
    oracle = TwinOracle().bind(moved, space)
    device = replace(host, classifier=moved, space=space, oracle=oracle)
    images = host.dataset.test.images[:3]
    found = []
    for inputs in (host, device):
        inputs = replace(inputs, rng=torch.Generator().manual_seed(0))
        target = inputs.classifier.predict(images)
        found.append(GlanceExplainer(samples=32).explain(images, target, inputs))
    torch.testing.assert_close(found[0].importance, found[1].importance, rtol=1e-2, atol=1e-3)
