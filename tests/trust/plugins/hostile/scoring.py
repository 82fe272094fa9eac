"""Metrics that raise, exit or return what is no score."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import torch
from toyparts import Distance

from causalxai.metric import Estimate, MetricResult


class Score(Distance):
    """Returns what its subclass makes."""

    def _compute(self, *_: Any) -> Any:
        return self.made()

    def made(self) -> Any:
        raise NotImplementedError


class Raises(Score):
    def made(self) -> Any:
        raise RuntimeError("boom")


class Exits(Score):
    def made(self) -> Any:
        sys.exit(0)


class EndsTheProcess(Score):
    def made(self) -> Any:
        os._exit(0)


class ReturnsNothing(Score):
    def made(self) -> Any:
        return None


class ReturnsANumber(Score):
    def made(self) -> Any:
        return 0.5


class EstimatesAWord(Score):
    def made(self) -> Any:
        return MetricResult(self.name, estimate=Estimate("high"))


class EstimatesATensor(Score):
    def made(self) -> Any:
        return MetricResult(self.name, estimate=Estimate(torch.tensor(1.0)))


class EstimatesNan(Score):
    def made(self) -> Any:
        return MetricResult(self.name, estimate=Estimate(float("nan")))


class HasAPartThatIsNan(Score):
    def made(self) -> Any:
        parts = {"x": Estimate(float("nan"))}
        return MetricResult(self.name, estimate=Estimate(1.0), parts=parts)


class IsOutOfRange(Score):
    def made(self) -> Any:
        return MetricResult(self.name, estimate=Estimate(-1.0))


class IsOkWithoutAnEstimate(Score):
    def made(self) -> Any:
        return MetricResult(self.name)


class InventsAStatus(Score):
    def made(self) -> Any:
        return MetricResult(self.name, "great", estimate=Estimate(1.0))


class NumbersItsParts(Score):
    def made(self) -> Any:
        parts: Any = {1: Estimate(1.0)}
        return MetricResult(self.name, estimate=Estimate(1.0), parts=parts)


class EstimatesInNumpy(Score):
    def made(self) -> Any:
        numbers: Any = (np.float32(1.5), np.float32(0), np.float32(2), np.int64(3))
        return MetricResult(self.name, estimate=Estimate(*numbers))


class HasNoRange(Score):
    value_range: Any = None
