"""Formatting of numbers, labels and directions for pages and tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from causalxai.config.vary import Axis, Label

_ROUNDING, _HALF_A_DIGIT = 1e-12, 5e-4


def label_texts(axes: Iterable[Axis], labels: Iterable[Label]) -> tuple[str, ...]:
    """Return labels as text, with a note for those that are controls."""
    pairs = zip(axes, labels, strict=True)
    return tuple(
        f"{label} (control)" if label in axis.controls else f"{label}" for axis, label in pairs
    )


def number(value: float | None) -> str:
    """Return a number with three decimals, or with three digits if it is very small or large."""
    if value is None or pd.isna(value):
        return ""
    plain = abs(value) < _ROUNDING or 1e-3 <= abs(value) < 1e3
    shown = f"{value if abs(value) >= _ROUNDING else 0:.3f}" if plain else f"{value:.3g}"
    return shown.replace("-", "\N{MINUS SIGN}")


def interval(row: Any) -> str:
    """Return a row's interval in brackets, a note if all runs are equal, or nothing."""
    if row.low is None or pd.isna(row.low):
        return f"(all {int(row.n)} alike)" if getattr(row, "interval", "") == "alike" else ""
    if max(abs(row.low), abs(row.high)) < 1e-3:
        return f"[{number(row.low)}, {number(row.high)}]"
    ends = (
        number(0.0 if abs(end) < _HALF_A_DIGIT else round(end, 3)) for end in (row.low, row.high)
    )
    return f"[{', '.join(ends)}]"


def seconds(value: float | None) -> str:
    """Return a duration in seconds, with one decimal below ten."""
    return "" if value is None or pd.isna(value) else f"{value:.{1 if value < 10 else 0}f}"


def count(value: float | None) -> str:
    """Return a large count with spaces between thousands."""
    return "" if value is None or pd.isna(value) else f"{value:,.0f}".replace(",", " ")


def arrow(higher_is_better: Any) -> str:
    """Return an arrow in the better direction; nothing if neither is better."""
    if higher_is_better is None or pd.isna(higher_is_better):
        return ""
    return "↑" if higher_is_better else "↓"


def listed(names: Iterable[str]) -> str:
    """Return names for a sentence: ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
