"""How often 95 % intervals contain the true value, by distribution and number of values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from causalxai.comparison.statistics import mean_of
from causalxai.metric import Estimate
from causalxai.metrics.information import binned_dependence
from causalxai.metrics.resampling import bootstrapped, halved
from tests.trust.family import Case, Family

Values: TypeAlias = NDArray[np.float64]
Draw: TypeAlias = Callable[[np.random.Generator, int], Values]
Interval: TypeAlias = Callable[[np.random.Generator, int], Estimate]

_LEAST, _MOST = 0.93, 0.97
_DOUBT = 2.6
"""Standard errors of the simulation that a measured coverage may lie outside of the window."""


@dataclass(frozen=True)
class _Law:
    """A distribution with its mean.

    ``most`` is the largest coverage that is accepted: above .97 where values pile up at both
    limits, so that resamples vary more than samples.
    """

    draw: Draw
    mean: float
    bounds: tuple[float | None, float | None] = (None, None)
    least: float = _LEAST
    most: float = _MOST


_UNIT = (0.0, 1.0)
_LAWS = {
    "normal": _Law(lambda rng, n: rng.normal(size=n), 0.0),
    "exponential": _Law(lambda rng, n: rng.exponential(size=n), 1.0),
    "beta(2, 5)": _Law(lambda rng, n: rng.beta(2, 5, n), 2 / 7, _UNIT),
    "beta(5, 1)": _Law(lambda rng, n: rng.beta(5, 1, n), 5 / 6, _UNIT),
    "beta(.5, .5)": _Law(lambda rng, n: rng.beta(0.5, 0.5, n), 0.5, _UNIT, most=0.995),
    "lognormal(.5)": _Law(lambda rng, n: rng.lognormal(0, 0.5, n), float(np.exp(0.125))),
    "lognormal(1)": _Law(lambda rng, n: rng.lognormal(0, 1, n), float(np.exp(0.5))),
    "Student t(3)": _Law(lambda rng, n: rng.standard_t(3, n), 0.0),
    # Discrete: no interval has the same coverage for all shares.
    "0 or 1": _Law(lambda rng, n: (rng.random(n) < 0.3) * 1.0, 0.3, _UNIT, most=1.0),
}


def _mean(law: _Law, rng: np.random.Generator, n: int) -> Estimate:
    return Estimate.mean(law.draw(rng, n), rng, bounds=law.bounds)


def _share(rng: np.random.Generator, n: int) -> Estimate:
    return Estimate.share(rng.random(n) < 0.3)


def _ratio(above: Draw, below: Draw, rng: np.random.Generator, n: int) -> Estimate:
    x, y = above(rng, n), below(rng, n)
    return bootstrapped(lambda rows: float(x[rows].mean() / y[rows].mean()), n, rng)


def _replicates(rng: np.random.Generator, n: int) -> Estimate:
    mean = mean_of(rng.normal(size=n).tolist())
    return Estimate(mean.value, mean.low, mean.high, n)


def _correlated(rng: np.random.Generator, n: int) -> tuple[Values, Values]:
    x = rng.normal(size=n)
    return x, 0.6 * x + 0.8 * rng.normal(size=n)


def _bins(n: int) -> int:
    return min(8, n // 5)


def _information(rng: np.random.Generator, n: int) -> Estimate:
    x, y = _correlated(rng, n)

    def score(rows: NDArray[np.int64]) -> float:
        return binned_dependence(x[rows], y[rows], _bins(n))

    return halved(score, n, rng, bounds=_UNIT)


def _expected_information(n: int) -> float:
    rng = np.random.default_rng(1)
    drawn = (_correlated(rng, n) for _ in range(2000))
    return float(np.mean([binned_dependence(x, y, _bins(n)) for x, y in drawn]))


def _covered(
    interval: Interval,
    truth: float | Callable[[], float],
    n: int,
    times: int,
    window: tuple[float, float],
    _: Path,
) -> str:
    rng = np.random.default_rng(n)
    true = truth() if callable(truth) else truth
    estimates = [interval(rng, n) for _ in range(times)]
    told = [one for one in estimates if one.low is not None and one.high is not None]
    share = sum(one.low <= true <= one.high for one in told) / len(told)
    least, most = window
    doubt = _DOUBT * float(np.sqrt(share * (1 - share) / len(told)))
    assert len(told) == times, f"{times - len(told)} of {times} have no interval"
    assert least - doubt <= share <= most + doubt, f"coverage {share:.3f}, not {least} to {most}"
    width = float(np.median([one.high - one.low for one in told]))
    return f"{share:.3f} of {times} (median width {width:.2f})"


_RATIOS: dict[str, tuple[Draw, Draw, float]] = {
    "normal": (lambda rng, n: rng.normal(5, 1, n), lambda rng, n: rng.normal(3, 1, n), 5 / 3),
    "gamma": (lambda rng, n: rng.gamma(1, 0.1, n), lambda rng, n: rng.gamma(4, 0.25, n), 0.1),
    "exponential": (
        lambda rng, n: rng.exponential(size=n),
        lambda rng, n: rng.exponential(size=n),
        1.0,
    ),
}


def _cases() -> Iterator[Case]:
    window = (_LEAST, _MOST)
    for n, times in ((5, 2000), (8, 4000), (20, 2500), (100, 800)):
        for name, law in _LAWS.items():
            # Five values do not show a tail that they seldom come from.
            least = law.least if n > 5 or name != "lognormal(1)" else 0.89
            check = partial(_covered, partial(_mean, law), law.mean, n, times, (least, law.most))
            yield Case(f"mean, {name}, n = {n}", check)
        replicates = partial(_covered, _replicates, 0.0, n, times, window)
        yield Case(f"replicates, normal, n = {n}", replicates)
        share = partial(_covered, _share, 0.3, n, times, (0.92, 1.0))
        yield Case(f"share, n = {n}", share)
    for n, times in ((8, 800), (20, 600), (100, 300)):
        for name, (above, below, ratio) in _RATIOS.items():
            check = partial(_covered, partial(_ratio, above, below), ratio, n, times, window)
            yield Case(f"ratio of means, {name}, n = {n}", check)
    for n, times in ((20, 800), (100, 400)):
        truth = partial(_expected_information, n)
        yield Case(
            f"information in bins, n = {n}",
            partial(_covered, _information, truth, n, times, window),
        )
    quick = partial(_covered, partial(_mean, _LAWS["exponential"]), 1.0, 8, 1000, window)
    yield Case("mean, exponential, n = 8, in short", quick, quick=True)


FAMILY = Family(
    "coverage",
    "A 95 % interval contains the true value in 93 to 97 of 100 repetitions, also for 8 values.",
    _cases,
)
