from __future__ import annotations

import pytest

from causalxai import Estimate, MetricResult
from causalxai.report.rivals import is_beyond, unbeaten


@pytest.mark.parametrize(
    ("score", "rival", "higher", "expected"),
    [
        (Estimate(0.9, 0.8, 1.0), Estimate(0.7), True, True),
        (Estimate(0.9, 0.8, 1.0), Estimate(0.7, 0.6, 0.8), True, False),
        (Estimate(0.9, 0.8, 1.0), Estimate(0.7, 0.6, 0.79), True, True),
        (Estimate(0.1, 0.0, 0.2), Estimate(0.3, 0.25, 0.4), False, True),
        (Estimate(0.1, 0.0, 0.2), Estimate(0.3, 0.15, 0.4), False, False),
        (Estimate(0.9, 0.8, 1.0), Estimate(0.95), True, False),
        (Estimate(0.9), Estimate(0.1), True, False),
    ],
)
def test_beyond_is_where_no_interval_reaches_the_other(
    score: Estimate, rival: Estimate, higher: bool, expected: bool
):
    assert is_beyond(score, rival, higher_is_better=higher) is expected


def test_chance_and_each_control_are_named_that_a_score_does_not_beat():
    result = MetricResult(
        "m",
        estimate=Estimate(0.5, 0.4, 0.6),
        chance=Estimate(0.45),
        controls={"worse": Estimate(0.1), "as good": Estimate(0.5, 0.4, 0.6)},
    )
    assert unbeaten(result) == ("chance", "as good")
    assert unbeaten(MetricResult("m", estimate=Estimate(0.5, 0.4, 0.6))) == ()
