"""The oracle: what its pictures show, and what the classifier says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import causalxai
from causalxai import Classifier, Dataset, Intervention, ScoringInputs
from causalxai.oracle import Oracle
from causalxai.testing import Bench, checks_for
from causalxai_generators.generator_oracle import GeneratorOracle
from causalxai_generators.generator_space import GeneratorSpace

from .conftest import LIT, WARM, Autoencoder

UP = Intervention.shift(torch.tensor([1]), 5.0)
FLIP = Intervention.flip(torch.tensor([0]))


@pytest.mark.parametrize("check", checks_for(Oracle), ids=lambda check: check.__name__)
def test_generator_oracle_keeps_its_promises(check, inputs: ScoringInputs):
    check(Bench(plugin=GeneratorOracle(), inputs=inputs, images=inputs.dataset.test.images[:3]))


@pytest.mark.parametrize("keep_rest", [True, False])
def test_logits_change_by_what_the_concept_truly_adds(
    keep_rest: bool, classifier: Classifier, dataset: Dataset, fit: Callable[..., GeneratorSpace]
):
    space = fit(keep_rest=keep_rest)
    oracle = GeneratorOracle().bind(classifier, space)
    units = space.encode(dataset.test.images[:40])
    before = oracle.query(units, Intervention.none()).logits[0]
    up = oracle.query(units, UP).logits[0] - before
    # The second logit is ten times the mean below, which warmth raises by 0.4 for 20 units.
    assert torch.allclose(up.mean(dim=0), torch.tensor([0.0, 10 * WARM * 5 / 20]), atol=0.05)
    flipped = oracle.query(units, FLIP).logits[0] - before
    signs = 1 - 2 * units.values[:, 0]
    assert torch.allclose(signs * flipped[:, 0], torch.full((40,), 10 * LIT), atol=0.4)
    assert float(flipped[:, 1].abs().mean()) < 0.2


def test_the_readback_is_what_the_picture_shows(inputs: ScoringInputs, dataset: Dataset):
    oracle, space = inputs.need_oracle(), inputs.need_space()
    units = space.encode(dataset.test.images[:10])
    answer = oracle.query(units, UP, want=("readback", "images"))
    assert torch.allclose(answer.readback[0], space.encode(answer.images[0]).values, atol=1e-3)
    moved = answer.readback[0] - units.values
    assert torch.allclose(moved.mean(dim=0), torch.tensor([0.0, 5.0]), atol=0.3)
    plain = oracle.query(units, Intervention.none(), want=("images",)).images[0]
    assert torch.allclose(plain, dataset.test.images[:10], atol=1e-6)


def test_a_run_explains_with_the_users_generator(
    tmp_path: Path, classifier: Classifier, dataset: Dataset, autoencoder: Autoencoder
):
    given = {"concepts": GeneratorSpace(generator=autoencoder), "oracle": "generator"}
    metrics = ["interventional-faithfulness", "effectiveness", "composition"]
    done = causalxai.explain(
        classifier, dataset, **given, graph={"use": "effects", "among_concepts": False},
        explain="single-effects", images={"count": 4}, metrics=metrics, out=tmp_path,
    )  # fmt: skip
    assert {result.status for result in done.metrics.values()} == {"ok"}
    edges = {(edge.source, edge.target) for edge in done.graph.edges}
    assert any("warmth" in edge[0] for edge in edges)
    assert "concepts" in done.spec.live
    again = causalxai.load(
        done.directory, classifier=classifier, dataset=dataset, concepts=given["concepts"]
    )
    assert torch.equal(again.explanation.importance, done.explanation.importance)


def test_a_spec_with_an_import_path_asks_for_trust(tmp_path: Path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "causalxai: 1\nname: own\ndataset: digits\nclassifier: lenet\nmethod: generator\n"
        "concepts: {import_path: mine:Autoencoder}\n"
    )
    with pytest.raises(causalxai.errors.SpecError, match="--trust-code"):
        causalxai.run(spec, out=tmp_path)
