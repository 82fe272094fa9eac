"""Explainers and metrics that change what other parts of a run rely on."""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from toyparts import Distance

from causalxai.explainer import Explanation, ExplanationInputs
from causalxai.metric import Estimate, MetricResult, ScoringInputs
from hostile.explaining import Good


class Meddler(Good):
    """Explains well, and meddles first."""

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        good = super()._explain(images, target, inputs)
        self.meddle(images, target, inputs)
        return good

    def meddle(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> None: ...


class ZeroesImages(Meddler):
    def meddle(self, images: Tensor, *_: Any) -> None:
        images.zero_()


class ZeroesClasses(Meddler):
    def meddle(self, _: Tensor, target: Tensor, __: Any) -> None:
        target.zero_()


class ChangesTheData(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        inputs.dataset.test.images.data.fill_(0.5)


class ChangesTheLabels(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        inputs.dataset.train.labels.add_(1).fmod_(3)


class ChangesTheConcepts(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        concepts = inputs.dataset.train.concepts
        assert concepts is not None
        concepts.copy_(concepts.flip(0))


class ZeroesWeights(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        for parameter in inputs.classifier.model.parameters():
            parameter.data.zero_()


class LeavesAHook(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        inputs.classifier.model.register_forward_hook(lambda _, __, output: output * 0)


class LeavesTrainingMode(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        inputs.classifier.model.train()


class LeavesGradients(Meddler):
    def meddle(self, _: Tensor, __: Tensor, inputs: ExplanationInputs) -> None:
        inputs.classifier.model.requires_grad_(True)


class SeedsGlobalGenerators(Meddler):
    def meddle(self, *_: Any) -> None:
        seed = time.time_ns() % 2**31
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)


class DrawsFromGlobalGenerators(Good):
    def spoilt(self, good: Any) -> Any:
        drawn = torch.rand_like(good.importance) + np.random.rand() + random.random()
        return replace(good, importance=drawn)


class ChangesTheDefaultDtype(Meddler):
    def meddle(self, *_: Any) -> None:
        torch.set_default_dtype(torch.float64)


class ChangesTheGradientMode(Meddler):
    def meddle(self, *_: Any) -> None:
        torch.set_grad_enabled(False)


class ChangesTheThreads(Meddler):
    def meddle(self, *_: Any) -> None:
        torch.set_num_threads(3)


class WantsDeterminism(Meddler):
    def meddle(self, *_: Any) -> None:
        torch.use_deterministic_algorithms(True)


class ChangesTheFolder(Meddler):
    def meddle(self, *_: Any) -> None:
        os.chdir("/")


class PatchesLibraries(Meddler):
    def meddle(self, *_: Any) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        torch.Tensor.softmax = broken
        json.dumps = broken


class ScoreThatZeroesTheExplanation(Distance):
    def _compute(self, explanation: Explanation, _: ScoringInputs) -> MetricResult:
        assert explanation.importance is not None
        explanation.importance.fill_(7.0)
        return MetricResult(self.name, estimate=Estimate(1.0))


class ScoreThatZeroesWeights(Distance):
    def _compute(self, _: Explanation, inputs: ScoringInputs) -> MetricResult:
        for parameter in inputs.classifier.model.parameters():
            parameter.data.zero_()
        return MetricResult(self.name, estimate=Estimate(1.0))


class ScoreThatZeroesAndRaises(Distance):
    def _compute(self, _: Explanation, inputs: ScoringInputs) -> MetricResult:
        inputs.dataset.test.images.zero_()
        raise RuntimeError("boom")
