"""Every metric of the core keeps the promises of its interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest

from causalxai import Metric
from causalxai.metrics.composition import Composition
from causalxai.metrics.correctness import Correctness
from causalxai.metrics.edited_attribute import EditedAttribute
from causalxai.metrics.effect_error import EffectError
from causalxai.metrics.effectiveness import Effectiveness
from causalxai.metrics.faithfulness import Faithfulness, InformationCoefficient
from causalxai.metrics.intervention_validity import InterventionValidity
from causalxai.metrics.interventional import InterventionalFaithfulness
from causalxai.metrics.localisation import PointingGame, RelevanceMass
from causalxai.metrics.minimality import Minimality
from causalxai.metrics.necessity_sufficiency import NecessitySufficiency
from causalxai.metrics.oracle_truth import OracleTruth
from causalxai.metrics.part_importance import PartImportance
from causalxai.metrics.pixel_flipping import Deletion, Insertion
from causalxai.metrics.realism import Realism
from causalxai.metrics.reversibility import Reversibility
from causalxai.metrics.sanity import Sanity
from causalxai.metrics.stability import RelativeStability, Stability
from causalxai.renderer import Renderer
from causalxai.testing import Bench, Case, Check, parametrize_with_checks, toy_world
from causalxai.testing.toys import ToyDiscoverer, ToyExplainer, ToyWorld

from .conftest import PatchRenderer, ToyRenderer


@cache
def bench(name: str) -> Bench[Any]:
    """Return a metric's bench. All checks share it, because one that passes leaves it as it was."""
    world = toy_world(0)
    if name in RENDERERS:
        renderer = RENDERERS[name](world)
        world = replace(world, dataset=replace(world.dataset, renderer=renderer))
    inputs = replace(world.inputs(), explainer=ToyExplainer(), discoverer=ToyDiscoverer())
    images = world.dataset.test.images[:24]
    target = world.classifier.predict(images)
    explanation = ToyExplainer().explain(images, target, inputs)
    return Bench(plugin=METRICS[name](), inputs=inputs, images=images, explanation=explanation)


METRICS: dict[str, Callable[[], Metric]] = {
    "faithfulness": partial(Faithfulness, permutations=10, halves=20),
    "information-coefficient": partial(InformationCoefficient, permutations=10, halves=20),
    "interventional-faithfulness": partial(InterventionalFaithfulness, subsets=8),
    "intervention-validity": InterventionValidity,
    "stability": partial(Stability, images=4),
    "relative-stability": partial(RelativeStability, images=4),
    "sanity": partial(Sanity, images=4),
    "correctness": partial(Correctness, subsets=2),
    "deletion": partial(Deletion, steps=4),
    "insertion": partial(Insertion, steps=4),
    "composition": Composition,
    "reversibility": partial(Reversibility, images=10),
    "minimality": partial(Minimality, images=10),
    "realism": partial(Realism, images=20),
    "necessity-sufficiency": partial(NecessitySufficiency, images=10, draws=2),
    "effectiveness": partial(Effectiveness, images=6),
    "effect-error": partial(EffectError, images=6),
    "edited-attribute": partial(EditedAttribute, images=6),
    "oracle-truth": partial(OracleTruth, images=6),
    "part-importance": partial(PartImportance, images=10),
    "pointing-game": partial(PointingGame, images=10),
    "relevance-mass": partial(RelevanceMass, images=10),
}
RENDERERS: dict[str, Callable[[ToyWorld], Renderer]] = {
    "effectiveness": ToyRenderer,
    "effect-error": ToyRenderer,
    "edited-attribute": ToyRenderer,
    "oracle-truth": ToyRenderer,
    "part-importance": PatchRenderer,
    "pointing-game": PatchRenderer,
    "relevance-mass": PatchRenderer,
}


@parametrize_with_checks([Case(name, Metric, partial(bench, name)) for name in METRICS])
def test_metrics_of_the_core_conform(case: Case, check: Check) -> None:
    check(case.build())


@pytest.mark.parametrize("name", METRICS)
def test_the_bench_is_one_that_has_a_score(name: str) -> None:
    trial = bench(name)
    result = trial.plugin.compute(trial.explanation, trial.seeded())
    assert (result.status, result.metric) == ("ok", name)


@pytest.mark.parametrize("name", ["stability", "relative-stability", "sanity", "correctness"])
def test_nobody_to_ask_again_is_told(name: str) -> None:
    trial = bench(name)
    alone = replace(trial.seeded(), explainer=None, discoverer=None)
    result = trial.plugin.compute(trial.explanation, alone)
    assert result.status == "skipped"
    assert f"{name} runs the " in result.reason
