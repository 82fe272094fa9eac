"""Metrics: scores with a direction, a range, an interval and a chance level."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, final, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.errors import CapabilityError, CausalxaiError, ContractError
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.intervals import UNBOUNDED, Bounds, limited, mean_interval
from causalxai.plugin import Plugin
from causalxai.plugin.guard import guarded
from causalxai.short_repr import short_repr

if TYPE_CHECKING:
    from causalxai.classifier import ClassifierSource
    from causalxai.explainer import ControlKind

Status = Literal["ok", "skipped", "failed"]


class AttributionSpace(StrEnum):
    """To what an explanation attributes its importances: concepts, or pixels."""

    CONCEPTS = "concepts"
    PIXELS = "pixels"


_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class ScoringInputs(ExplanationInputs):
    """The inputs of a metric: those of an explainer, and the explainer itself.

    Parameters
    ----------
    explainer
        The explainer, for metrics that run it again.
    source
        The source of the classifier, for metrics that need another classifier like it.
    """

    explainer: Explainer | None = None
    source: ClassifierSource | None = None

    __repr__ = short_repr

    def need_explainer(self, who: str) -> Explainer:
        """Return the explainer, which ``who`` runs again; CapabilityError if the run has none."""
        if self.explainer is None:
            raise CapabilityError(f"{who} runs the explainer again, but this run has none")
        return self.explainer

    def explained_units(self, explanation: Explanation) -> Units:
        """Return the explained images as the run's concept space reads them.

        They were read when the images were explained. Only an explanation that was made by hand
        has no units; its images are read here.

        Raises
        ------
        CapabilityError
            If the run has no concept space.
        """
        space = self.need_space()
        if explanation.units is None:
            return space.encode(explanation.images)
        return explanation.units.to(self.classifier.device)


class MetricUndefinedError(CausalxaiError):
    """A metric is not defined in this case; the message gives the reason."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; ``n`` is the number of independent samples behind it.

    ``low`` and ``high`` are missing where the samples do not show how uncertain the value is.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 1

    __repr__ = short_repr

    @classmethod
    def mean(
        cls, samples: ArrayLike, rng: np.random.Generator, *, bounds: Bounds = UNBOUNDED
    ) -> Self:
        """Return the mean of samples with its 95 % interval (see ``intervals.mean_interval``).

        There is no interval for fewer than five samples, nor for samples that are (nearly) all
        equal, unless ``bounds`` says how different others can be.

        Parameters
        ----------
        samples
            ``[n]``, independent of one another.
        rng
            The generator of 2 000 resamples.
        bounds
            The least and the largest possible value of a sample; ``None`` where there is no limit.

        Raises
        ------
        MetricUndefinedError
            If there is no sample.
        """
        data = np.asarray(samples, dtype=np.float64).ravel()
        if data.size == 0:
            raise MetricUndefinedError("there is no sample to average")
        value = float(data.mean())
        if data.size == 1:
            return cls(value, n=1)
        resamples = rng.integers(0, data.size, (_RESAMPLES, data.size))
        low, high = mean_interval(data, resamples, bounds) or (None, None)
        return cls(value, low, high, int(data.size))

    @classmethod
    def share(cls, hits: ArrayLike) -> Self:
        """Return the share of hits with Wilson's score interval [1]_.

        For five hits in five it is [.57, 1], whereas a bootstrap interval would be [1, 1].

        Parameters
        ----------
        hits
            For each sample 1 if it is a hit and 0 if not, as numbers or booleans.

        Raises
        ------
        MetricUndefinedError
            If there is no sample.
        ValueError
            If a sample is neither 0 nor 1.

        References
        ----------
        .. [1] Wilson, "Probable inference, the law of succession, and statistical inference",
           JASA 22, 1927.
        """
        data = np.asarray(hits, dtype=np.float64).ravel()
        if data.size == 0:
            raise MetricUndefinedError("there is no sample to take a share of")
        if not np.isin(data, (0.0, 1.0)).all():
            raise ValueError("each hit must be 0 or 1")
        count = int(data.sum())
        interval = scipy.stats.binomtest(count, data.size).proportion_ci(0.95, method="wilson")
        return cls(count / data.size, float(interval.low), float(interval.high), int(data.size))


@dataclass(frozen=True)
class MetricResult:
    """The result of a metric for one explanation.

    Parameters
    ----------
    metric
        The metric's name.
    status
        ``ok``; ``skipped`` (it has no meaning here) or ``failed``, with a ``reason``. Where it is
        ``ok``, ``reason`` may say what was left out.
    estimate
        The score, where the status is ``ok``.
    chance
        The score of an explanation that knows nothing, the chance level.
    parts
        Further results for the same explanation, such as the scores of its other maps or
        components of the score. Their scales may differ from the score's.
    controls
        The same score for controls, which should be worse; read the score beside them.
    higher_is_better
        Whether higher is better; ``None`` if the score only describes.
    read
        What the metric read of the explanation: its importances of concepts or its map of pixels.
        ``None`` where it read neither. Scores that read different spaces are not comparable.
    translated
        Whether the explanation attributes to the other space, so that an oracle's pictures
        translated it: see ``causalxai.metrics.translation``. ``None`` where the metric reads
        neither space.
    """

    metric: str
    status: Status = "ok"
    estimate: Estimate | None = None
    chance: Estimate | None = None
    reason: str = ""
    parts: Mapping[str, Estimate] = field(default_factory=dict)
    controls: Mapping[str, Estimate] = field(default_factory=dict)
    higher_is_better: bool | None = True
    value_range: tuple[float | None, float | None] = (None, None)
    reference: str = ""
    read: AttributionSpace | None = None
    translated: bool | None = None

    __repr__ = short_repr

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Undo ``to_json``."""
        known = dict(data)
        known["read"] = None if known["read"] is None else AttributionSpace(known["read"])
        known["value_range"] = tuple(known["value_range"])
        for key in ("estimate", "chance"):
            known[key] = None if known[key] is None else Estimate(**known[key])
        for key in ("parts", "controls"):
            known[key] = {name: Estimate(**entry) for name, entry in known[key].items()}
        return cls(**known)


class Metric(Plugin, ABC):
    """Scores an explanation. ``compute`` returns a reason instead of raising an error."""

    name: ClassVar[str]
    higher_is_better: ClassVar[bool | None]
    """``None`` if the score only describes, as a bias does; it is then shown but not ranked."""
    value_range: ClassVar[tuple[float | None, float | None]]
    reference: ClassVar[str]
    """The publication that defines the metric."""
    requires: frozenset[Capability] = frozenset()
    """The capabilities that it needs. An instance may need more or fewer than its class."""
    scores_explanations: ClassVar[bool] = True
    """Whether it scores an explanation; if not, it scores other parts of a run (``RunMetric``)."""
    about_concepts: ClassVar[bool] = False
    """Whether the score depends on the choice of concepts. Scores about different concepts are then
    not comparable."""
    why_controls_win: ClassVar[Mapping[ControlKind, str]] = {}
    """Why a control can score well, by its kind; shown if one does."""
    contrasting_part: ClassVar[str] = ""
    """The name of a part on the scale of the score that can rank a method above a control which the
    score ranks above the method; a warning about the control mentions it."""
    reading_note: ClassVar[str] = ""
    """How to read the score, in a few sentences; shown below the scores of a comparison."""

    @final
    def compute(self, explanation: Explanation | None, inputs: ScoringInputs) -> MetricResult:
        """Return the score, or why there is none.

        Parameters
        ----------
        explanation
            The explanation to score; ``None`` if the run has none.
        inputs
            The inputs of the metric.

        A missing capability or ``MetricUndefinedError`` gives ``skipped``; any other error, or a
        value that is not finite, or a score, chance or control outside ``value_range``, gives
        ``failed``.
        """
        try:
            with guarded(self.origin, "the score"):
                inputs.require(self.requires, self.name)
                result = self._sound(self._score(explanation, inputs))
        except (CapabilityError, MetricUndefinedError) as reason:
            result = MetricResult(self.name, "skipped", reason=str(reason))
        except CausalxaiError as error:
            # A metric may be third-party code; its errors must not stop the run.
            result = MetricResult(self.name, "failed", reason=str(error))
        return replace(
            self._checked(self._limited(result)),
            higher_is_better=self.higher_is_better,
            value_range=self.value_range,
            reference=self.reference,
        )

    def _score(self, explanation: Explanation | None, inputs: ScoringInputs) -> MetricResult:
        if explanation is None:
            raise CapabilityError(f"{self.name} scores an explanation, but this run has none")
        return self._compute(explanation, inputs)

    @abstractmethod
    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult: ...

    def _sound(self, result: object) -> MetricResult:
        """Return a result whose numbers are plain Python numbers; ContractError if it has others.

        They are stored as JSON, which does not know NumPy's numbers or tensors.
        """
        if not isinstance(result, MetricResult):
            kind = type(result).__name__
            raise ContractError(f"{self.origin} must return a MetricResult, not {kind}")
        if result.status not in get_args(Status):
            raise ContractError(f"{self.origin}: there is no status {result.status!r}")
        if not isinstance(result.reason, str):
            raise ContractError(f"{self.origin}: reason must be text, not {result.reason!r}")
        if result.status == "ok" and result.estimate is None:
            raise ContractError(f"{self.origin} is ok, but has no estimate")
        for name in (*result.parts, *result.controls):
            if not isinstance(name, str):
                raise ContractError(f"{self.origin}: the name {name!r} of a score is not a text")
        return replace(
            result,
            estimate=self._plain(result.estimate),
            chance=self._plain(result.chance),
            parts={name: self._plain(one) for name, one in result.parts.items()},
            controls={name: self._plain(one) for name, one in result.controls.items()},
        )

    def _plain(self, estimate: Any) -> Any:
        if estimate is None:
            return None
        if not isinstance(estimate, Estimate):
            kind = type(estimate).__name__
            raise ContractError(f"{self.origin}: a score must be an Estimate, not {kind}")
        numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        for name, number in numbers.items():
            if not isinstance(number, Real) and (number is not None or name == "value"):
                kind = type(number).__name__
                raise ContractError(f"{self.origin}: {name} must be a number, not {kind}")
        if not isinstance(estimate.n, Integral):
            kind = type(estimate.n).__name__
            raise ContractError(f"{self.origin}: n must be a whole number, not {kind}")
        plain = {name: None if one is None else float(one) for name, one in numbers.items()}
        return replace(estimate, **plain, n=int(estimate.n))

    @classmethod
    def class_fault(cls) -> str | None:
        """Return what is wrong with the class's own declarations; ``None`` if nothing is."""
        if not isinstance(getattr(cls, "name", None), str):
            return "name must be text"
        if getattr(cls, "higher_is_better", 0) not in (True, False, None):
            return "higher_is_better must be True, False or None"
        bounds = getattr(cls, "value_range", None)
        if (
            not isinstance(bounds, tuple)
            or len(bounds) != len(("least", "most"))
            or any(bound is not None and not isinstance(bound, Real) for bound in bounds)
        ):
            return "value_range must be a pair of numbers, with None where there is no bound"
        if not isinstance(getattr(cls, "reference", None), str):
            return "reference must be text"
        return None

    def _limited(self, result: MetricResult) -> MetricResult:
        """Return the result with intervals that keep to the range of the score."""

        def kept(one: Estimate) -> Estimate:
            if one.low is None or one.high is None or not math.isfinite(one.value):
                return one
            low, high = limited(one.low, one.high, self.value_range)
            return replace(one, low=low, high=high)

        return replace(
            result,
            estimate=result.estimate and kept(result.estimate),
            chance=result.chance and kept(result.chance),
            controls={name: kept(one) for name, one in result.controls.items()},
        )

    def _checked(self, result: MetricResult) -> MetricResult:
        low, high = self.value_range
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        scores = {self.name: result.estimate, "chance": result.chance, **result.controls}
        told = [(name, one, bounds) for name, one in scores.items() if one is not None]
        told += [(name, one, (-math.inf, math.inf)) for name, one in result.parts.items()]
        for name, estimate, (least, most) in told:
            numbers = (estimate.value, estimate.low, estimate.high)
            finite = all(number is None or math.isfinite(number) for number in numbers)
            if not (finite and least <= estimate.value <= most):
                reason = f"{name}: {estimate} is not finite, or not in [{least}, {most}]"
                return MetricResult(self.name, "failed", reason=reason)
        return result


class RunMetric(Metric):
    """Scores another part of a run than its explanation; subclasses implement ``_score_run``."""

    scores_explanations = False

    @final
    def _score(self, explanation: Explanation | None, inputs: ScoringInputs) -> MetricResult:  # noqa: ARG002
        return self._score_run(inputs)

    @final
    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        return self._score(explanation, inputs)

    @abstractmethod
    def _score_run(self, inputs: ScoringInputs) -> MetricResult: ...
