"""Metrics: scores that know their direction, range, interval and chance level."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from causalxai.errors import CapabilityError, CausalxaiError
from causalxai.plugin import Plugin

if TYPE_CHECKING:
    from causalxai.context import Context
    from causalxai.explainer import Explanation

Status = Literal["ok", "skipped", "failed"]

_logger = logging.getLogger(__name__)


class MetricUndefinedError(CausalxaiError):
    """A metric has no value here, for the reason that the message gives."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; ``n`` is the number of independent samples behind it."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 1

    @classmethod
    def mean(cls, samples: ArrayLike, rng: np.random.Generator) -> Self:
        """Return the mean of samples with a percentile bootstrap interval (2 000 resamples)."""
        data = np.asarray(samples, dtype=np.float64)
        if data.size == 0:
            raise MetricUndefinedError("there is no sample to average")
        value = float(data.mean())
        if data.size == 1:
            return cls(value, n=1)
        interval = stats.bootstrap(
            (data,), np.mean, n_resamples=2000, method="percentile", rng=rng
        ).confidence_interval
        return cls(value, float(interval.low), float(interval.high), int(data.size))


@dataclass(frozen=True)
class MetricResult:
    """What a metric says of one explanation.

    Parameters
    ----------
    metric
        The metric's name.
    status
        ``ok``; ``skipped`` (it has no meaning here) or ``failed``, with a ``reason``.
    estimate
        The score, where the status is ``ok``.
    chance
        What the same metric says of an explanation that knows nothing.
    parts
        The same score for other claims of the same explanation (its other maps, say).
    controls
        The same score for things that ought to do worse; read the score beside them.
    """

    metric: str
    status: Status = "ok"
    estimate: Estimate | None = None
    chance: Estimate | None = None
    reason: str = ""
    parts: Mapping[str, Estimate] = field(default_factory=dict)
    controls: Mapping[str, Estimate] = field(default_factory=dict)
    higher_is_better: bool = True
    value_range: tuple[float | None, float | None] = (None, None)
    reference: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``to_json``."""

        def estimates(table: Mapping[str, Any]) -> dict[str, Estimate]:
            return {name: Estimate(**entry) for name, entry in table.items()}

        known = dict(data)
        known["value_range"] = tuple(known["value_range"])
        for key in ("estimate", "chance"):
            known[key] = None if known[key] is None else Estimate(**known[key])
        return cls(
            **{**known, "parts": estimates(data["parts"]), "controls": estimates(data["controls"])}
        )


class Metric(Plugin, ABC):
    """Scores an explanation. ``compute`` never raises for a score that cannot be had."""

    name: ClassVar[str]
    higher_is_better: ClassVar[bool]
    value_range: ClassVar[tuple[float | None, float | None]]
    reference: ClassVar[str]
    """Where the metric comes from."""
    requires: ClassVar[frozenset[str]] = frozenset()

    @final
    def compute(self, explanation: Explanation, context: Context) -> MetricResult:
        """Return the score, or why there is none.

        A missing capability or ``MetricUndefinedError`` gives ``skipped``; any other error, or a
        value that is not finite or lies outside ``value_range``, gives ``failed``.
        """
        try:
            context.require(self.requires, self.name)
            result = self._compute(explanation, context)
        except (CapabilityError, MetricUndefinedError) as reason:
            result = MetricResult(self.name, "skipped", reason=str(reason))
        except Exception as error:
            # A metric may be a stranger's code; hours of work must not be lost with it.
            _logger.warning("metric %s failed", self.name, exc_info=error)
            reason_text = f"{type(error).__name__}: {error}"
            result = MetricResult(self.name, "failed", reason=reason_text)
        return replace(
            self._checked(result),
            higher_is_better=self.higher_is_better,
            value_range=self.value_range,
            reference=self.reference,
        )

    @abstractmethod
    def _compute(self, explanation: Explanation, context: Context) -> MetricResult: ...

    def _checked(self, result: MetricResult) -> MetricResult:
        low, high = self.value_range
        low, high = -math.inf if low is None else low, math.inf if high is None else high
        told = {self.name: result.estimate, "chance": result.chance}
        told |= {**result.parts, **result.controls}
        for name, estimate in told.items():
            if estimate is None:
                continue
            numbers = (estimate.value, estimate.low, estimate.high)
            finite = all(number is None or math.isfinite(number) for number in numbers)
            if not (finite and low <= estimate.value <= high):
                reason = f"{name}: {estimate} is not finite, or not in [{low}, {high}]"
                return MetricResult(self.name, "failed", reason=reason)
        return result
