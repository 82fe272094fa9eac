from __future__ import annotations

import pytest

from causalxai.comparison.formatting import number


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345, "0.123"),
        (0, "0.000"),
        (-2.5, "\N{MINUS SIGN}2.500"),
        (12345.6, "1.23e+04"),
        (1.5e-7, "1.5e\N{MINUS SIGN}07"),
        (None, ""),
        (float("nan"), ""),
    ],
)
def test_figures_are_short(value: float | None, shown: str):
    assert number(value) == shown
