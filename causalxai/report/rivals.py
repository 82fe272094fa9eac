"""Which of chance and of the controls a score beats by more than the intervals."""

from __future__ import annotations

from causalxai.metric import Estimate, MetricResult


def is_beyond(score: Estimate, rival: Estimate, *, higher_is_better: bool) -> bool:
    """Return whether a score's interval lies wholly on the better side of its rival's.

    A score without an interval does not show how sure it is, and is beyond nothing. A rival without
    one stands for its value.
    """
    own, other = (score.low, rival.high) if higher_is_better else (score.high, rival.low)
    if own is None:
        return False
    other = rival.value if other is None else other
    return own > other if higher_is_better else own < other


def unbeaten(result: MetricResult) -> tuple[str, ...]:
    """Return which of ``chance`` and the controls a score does not beat beyond the intervals.

    Parameters
    ----------
    result
        Has a score, and a direction that is better.
    """
    assert result.estimate is not None and result.higher_is_better is not None
    rivals = {} if result.chance is None else {"chance": result.chance}
    return tuple(
        name
        for name, rival in {**rivals, **result.controls}.items()
        if not is_beyond(result.estimate, rival, higher_is_better=result.higher_is_better)
    )
