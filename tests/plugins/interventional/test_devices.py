"""On an accelerator the answers are the CPU's; skipped where there is none."""

from __future__ import annotations

import pytest
import torch

from causalxai import Classifier, Intervention
from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms
from causalxai_interventional.mediators import mediator_maps
from causalxai_interventional.reference_maps import reference_maps

ACCELERATOR = torch.accelerator.current_accelerator(check_available=True)

pytestmark = pytest.mark.skipif(ACCELERATOR is None, reason="this machine has no accelerator")


@pytest.fixture
def pair(small: Classifier, make_oracle, monkeypatch):
    """The same oracle on the CPU and on the accelerator, without TF32."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    from copy import deepcopy

    moved = Classifier(
        deepcopy(small.model),
        class_names=small.class_names,
        image_shape=small.image_shape,
        device=ACCELERATOR,
    )

    def make(granularity: str, strategy: str):
        return tuple(make_oracle(one, granularity, strategy) for one in (small, moved))

    return make


@pytest.mark.parametrize("granularity", ["slice", "filter"])
@pytest.mark.parametrize("strategy", ["dataflow", "vmap", "expanded"])
def test_answers_are_the_cpus(pair, granularity, strategy, rng):
    host, device = pair(granularity, strategy)
    images = torch.rand(5, *host.classifier.image_shape, generator=rng)
    everything = Intervention.ablate(torch.arange(len(host.space.concepts)))
    expected = host.query(host.space.encode(images), everything).logits
    answers = device.query(device.space.encode(images), everything).logits
    assert answers.device.type == ACCELERATOR.type
    torch.testing.assert_close(answers.cpu(), expected, rtol=1e-4, atol=1e-5)


def test_algorithm_1_and_maps_are_the_cpus(pair, rng):
    host, device = pair("slice", "auto")
    images = torch.rand(5, *host.classifier.image_shape, generator=rng)
    found, maps = [], []
    for oracle in (host, device):
        units = oracle.space.encode(images)
        target = oracle.classifier.predict(images)[:, None]
        mechanisms = find_mechanisms(oracle, units, target, SelectionRule())
        found.append(mechanisms.flat("delta").cpu())
        maps.append(mediator_maps(oracle, units, mechanisms, ["conv2"])["conv2"][1].cpu())
        reference = reference_maps(oracle.classifier, images, target[:, 0])
        maps.append(reference["integrated gradients"].cpu())
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(maps[0], maps[2], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(maps[1], maps[3], rtol=1e-3, atol=1e-4)
