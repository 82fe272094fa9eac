"""Oracles that answer as the renderer, half as much, nothing and for other images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai.metric import MetricResult
from causalxai.metrics.oracle_truth import OracleTruth
from causalxai.oracle import Oracle, Response
from causalxai.testing.toys import ToyOracle, ToyWorld


class Partial(ToyOracle):
    """Answers with a share of the true change."""

    share = 1.0

    def _respond(self, units, interventions, want):
        done = super()._respond(units, interventions, want)
        nothing = super()._respond(units, type(interventions).none(), want)
        return Response(
            **{
                name: getattr(nothing, name)
                + self.share * (getattr(done, name) - getattr(nothing, name))
                for name in ("logits", "readback", "images")
            }
        )


def scored(oracle: Oracle, world: ToyWorld) -> MetricResult:
    return OracleTruth().compute(None, replace(world.inputs(), oracle=oracle))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0, 2.0])
def test_the_score_is_1_minus_the_squared_error_of_the_change(drawn: ToyWorld, share: float):
    oracle = Partial(drawn.oracle.config).bind(drawn.classifier, drawn.space)
    oracle.share = share
    found = scored(oracle, drawn)
    expected = 1 - (1 - share) ** 2
    assert found.estimate.value == pytest.approx(expected, abs=1e-4)
    for part in ("average effects", "pictures", "measured concepts"):
        assert found.parts[part].value == pytest.approx(expected, abs=1e-4)
    assert (found.parts["predictions"].value == 1) == (share == 1)


def test_the_true_model_is_better_than_one_in_which_nothing_follows(drawn: ToyWorld):
    alone = [[0.0] * 4] * 4
    separate = ToyOracle(weights=alone).bind(drawn.classifier, drawn.space)
    exact, partial = scored(drawn.oracle, drawn), scored(separate, drawn)
    assert exact.estimate.value == pytest.approx(1, abs=1e-4)
    assert partial.estimate.high < 0.99
    # The toy network is linear: the effect is the same for every image, and so is chance.
    assert exact.chance.value == pytest.approx(1, abs=0.05)


def test_other_concepts_are_skipped(drawn: ToyWorld):
    class Others(type(drawn.space)):
        def names(self):
            return tuple(f"other {name}" for name in super().names())

    space = Others().fit(drawn.classifier, drawn.dataset, rng=torch.Generator())
    oracle = ToyOracle(drawn.oracle.config).bind(drawn.classifier, drawn.space)
    oracle.space = space
    found = OracleTruth().compute(None, replace(drawn.inputs(), space=space, oracle=oracle))
    assert (found.status, "has the name of one" in found.reason) == ("skipped", True)
