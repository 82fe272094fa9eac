from __future__ import annotations

from causalxai_discovery.report.dowhy_scm import _doubt


def test_a_model_that_predicts_little_is_doubted():
    assert _doubt({"class a": 0.9, "class b": 0.5}) == ""
    assert _doubt({"class a": 0.9, "class b": 0.25}) == (
        "The structural model predicts less than half of the variance of the logit of class b "
        "(0.25): do not rely on its strengths and influences there."
    )
