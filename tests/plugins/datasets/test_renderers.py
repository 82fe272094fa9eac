"""The concept space and the oracle of drawn images keep their promises on the drawn data sets."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import nn

from causalxai import Classifier, ConceptSpace, DatasetSource, Oracle, ScoringInputs
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.generic.renderer_oracle import RendererOracle
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai_datasets.cartoon_faces import CartoonFaces
from causalxai_datasets.morpho import Morpho

SOURCES: dict[str, DatasetSource] = {
    "morpho": Morpho(scenario="TSWI", limit=24, test_limit=12),
    "cartoon-faces": CartoonFaces(count=40, test_count=12, concepts=("male", "beard", "smiling")),
}


@cache
def inputs_of(name: str) -> ScoringInputs:
    rng = torch_generator(0)
    data = SOURCES[name].load(rng=rng)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(data.test.images[0].numel(), 2))
    with torch.no_grad():
        model[1].bias -= model(data.test.images[:]).mean(dim=0)
    classifier = Classifier(model, class_names="ab", image_shape=data.image_shape)
    space = RenderedSpace().fit(classifier, data, rng=rng)
    oracle = RendererOracle().bind(classifier, space)
    return ScoringInputs(classifier=classifier, dataset=data, rng=rng, space=space, oracle=oracle)


def bench(plugin: Any, name: str) -> Bench[Any]:
    inputs = inputs_of(name)
    return Bench(plugin=plugin(), inputs=inputs, images=inputs.dataset.test.images[:2])


@pytest.mark.slow
@parametrize_with_checks(
    [
        Case(f"{name}-{interface.__name__}", interface, partial(bench, plugin, name))
        for name in SOURCES
        for interface, plugin in ((ConceptSpace, RenderedSpace), (Oracle, RendererOracle))
    ]
)
def test_conformance(case: Case, check: Check) -> None:
    check(case.build())
