from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from causalxai.comparison.plot import plot_scores

SCORES = pd.DataFrame(
    [
        ("LIME", False, "deletion", "score", 0.2, 0.1, 0.4, False),
        ("LIME", False, "deletion", "chance", 0.5, np.nan, np.nan, False),
        ("random", True, "deletion", "score", 0.6, np.nan, np.nan, False),
        ("LIME", False, "other", "score", 0.9, np.nan, np.nan, None),
        ("failed", False, "deletion", "score", np.nan, np.nan, np.nan, False),
    ],
    columns=["method", "control", "metric", "kind", "value", "low", "high", "higher_is_better"],
)


def test_scores_are_bars_with_intervals_and_chance():
    axes = plot_scores(SCORES, ["method"], None, Figure().subplots())
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.6]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["LIME", "random"]
    (interval, missing) = axes.collections[0].get_segments()
    assert interval[:, 0].tolist() == pytest.approx([0.1, 0.4])
    assert missing[:, 0].tolist() == pytest.approx([0.6, 0.6])
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [0.5]
    assert axes.get_xlabel().startswith("deletion ↓")
    lime, control = (bar.get_facecolor() for bar in axes.patches)
    assert lime != control


def test_a_metric_is_named():
    axes = plot_scores(SCORES, ["method"], "other", Figure().subplots())
    assert axes.get_xlabel().startswith("other, with")
    with pytest.raises(ValueError, match=r"no scores of 'delection'.*deletion"):
        plot_scores(SCORES, ["method"], "delection", None)
