from __future__ import annotations

import pytest
import torch

from causalxai import Intervention, Oracle, ScoringInputs
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.testing import Bench, Check, checks_for


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
def test_conformance(check: Check, greys: ScoringInputs):
    check(Bench(plugin=RendererOracle(), inputs=greys, images=greys.dataset.test.images[:3]))


def test_answers_are_of_the_true_counterfactual(greys: ScoringInputs):
    images, oracle = greys.dataset.test.images[:5], greys.oracle
    units = oracle.space.encode(images)
    done = Intervention.set(torch.tensor([0]), 0.2)
    answer = oracle.query(units, done, want=("logits", "readback", "images"))
    grey = units.values[:, 1] + (0.2 - units.values[:, 0]) / 2
    expected = torch.stack([torch.full((5,), 0.2), grey, units.values[:, 2]], dim=1)
    assert answer.answer("readback")[0] == pytest.approx(expected)
    assert torch.equal(answer.answer("readback"), oracle.states(units, done))
    pictures = expected[:, :, None, None].expand(-1, -1, 4, 4)
    assert answer.answer("images")[0] == pytest.approx(pictures)
    assert answer.answer("logits")[0] == pytest.approx(greys.classifier.logits(pictures))
