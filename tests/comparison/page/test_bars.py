from __future__ import annotations

import pandas as pd
import pytest

from causalxai.comparison.page.bars import Bar, Scale


def rows(*scores: tuple[str, float, float | None, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(scores, columns=["kind", "value", "low", "high"])
    return frame.astype(dict.fromkeys(("value", "low", "high"), "float64"))


def test_the_scale_holds_zero_and_everything_that_is_drawn():
    scale = Scale.of(
        rows(("score", 2.0, 1.5, 4.0), ("chance", -1.0, None, None), ("part", 9, 9, 9))
    )
    assert (scale.least, scale.most) == (-1.0, 4.0)
    assert Scale.of(rows(("score", 2.0, None, None))) == Scale(0.0, 2.0)


def test_a_bar_leads_from_zero_to_the_value():
    scale = Scale(-1.0, 3.0)
    positive = scale.bar({"value": 1.0, "low": 0.0, "high": 3.0}, 2.0)
    assert positive == Bar(25.0, 25.0, 50.0, 25.0, 100.0, 75.0)
    negative = scale.bar({"value": -0.6, "low": float("nan"), "high": float("nan")}, None)
    assert negative == Bar(10.0, 15.0, 10.0)


@pytest.mark.parametrize(
    ("scale", "value"), [(Scale(0.0, 0.0), 0.0), (Scale(0.0, 1.0), float("nan"))]
)
def test_nothing_is_drawn_of_what_has_no_place(scale: Scale, value: float):
    assert scale.bar({"value": value, "low": float("nan"), "high": float("nan")}, None) is None
