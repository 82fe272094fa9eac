from __future__ import annotations

import pytest
import torch

from causalxai import Explanation, Intervention, Oracle, ScoringInputs
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.metrics.reversibility import Reversibility
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


def test_its_drawings_show_the_same_individuals_in_another_state(greys: ScoringInputs):
    images, oracle = greys.dataset.test.images[:5], greys.oracle
    units, done = oracle.space.encode(images), Intervention.set(torch.tensor([0]), 0.2)
    drawn = oracle.query(units, done, want=("images",)).answer("images")[0]
    seen = oracle.read_pictures(drawn, units, done)
    assert torch.equal(seen.values, oracle.states(units, done)[0])
    undoing = Intervention.set(torch.tensor([[0]]), units.values[None, :, :1])
    again = oracle.query(seen, undoing, want=("images",)).answer("images")[0]
    assert not torch.allclose(drawn, images)
    assert again == pytest.approx(images)


def test_what_it_did_can_be_taken_back(greys: ScoringInputs):
    images = greys.dataset.test.images[:20]
    nothing = Explanation(images, torch.zeros(20, dtype=torch.int64), greys.space.names())
    result = Reversibility().compute(nothing, greys)
    assert result.estimate.value == pytest.approx(0, abs=1e-6)
    assert result.controls["not undone"].low > 0.01
