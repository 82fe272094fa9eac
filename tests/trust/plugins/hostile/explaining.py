"""Explainers that raise, exit, end their process or return what is no explanation."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from causalxai.errors import CapabilityError, ContractError
from causalxai.explainer import Explainer, Explanation, ExplanationInputs


class Good(Explainer):
    """Explains by random numbers, and behaves; the others change what it returns."""

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        names = inputs.need_space().names()
        claim = torch.rand(len(images), len(names), generator=inputs.rng)
        good = Explanation(images=images, target=target, concepts=names, importance=claim)
        return self.spoilt(good)

    def spoilt(self, good: Any) -> Any:
        return good


class Raises(Good):
    def spoilt(self, good: Any) -> Any:
        raise RuntimeError("boom")


class RaisesAnErrorOfItsOwn(Good):
    def spoilt(self, good: Any) -> Any:
        class OwnError(BaseException):
            def __str__(self) -> str:
                raise ValueError

        raise OwnError


class RaisesForTheUser(Good):
    def spoilt(self, good: Any) -> Any:
        raise CapabilityError("these images cannot be explained")


class RaisesAContractError(Good):
    def spoilt(self, good: Any) -> Any:
        raise ContractError("somebody broke a promise")


class RaisesStopIteration(Good):
    def spoilt(self, good: Any) -> Any:
        raise StopIteration


class RunsOutOfMemory(Good):
    def spoilt(self, good: Any) -> Any:
        raise MemoryError("no memory")


class RecursesEndlessly(Good):
    def spoilt(self, good: Any) -> Any:
        return self.spoilt(good)


class Exits(Good):
    def spoilt(self, good: Any) -> Any:
        sys.exit(0)


class ExitsWithCode3(Good):
    def spoilt(self, good: Any) -> Any:
        sys.exit(3)


class Interrupts(Good):
    def spoilt(self, good: Any) -> Any:
        raise KeyboardInterrupt


class EndsTheProcess(Good):
    def spoilt(self, good: Any) -> Any:
        os._exit(0)


class CrashesTheProcess(Good):
    def spoilt(self, good: Any) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)


class KillsTheProcess(Good):
    def spoilt(self, good: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


class NeverEnds(Good):
    def spoilt(self, good: Any) -> Any:
        while True:
            time.sleep(0.01)


class ReturnsNothing(Good):
    def spoilt(self, good: Any) -> Any:
        return None


class ReturnsADictionary(Good):
    def spoilt(self, good: Any) -> Any:
        return {"importance": 1}


class Transposes(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.T)


class ReturnsIntegers(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=(good.importance * 10).long())


class ReturnsBooleans(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance > 0.5)


class ReturnsComplexNumbers(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.to(torch.complex64))


class ReturnsHalfFloats(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.half())


class ReturnsNan(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance * float("nan"))


class ReturnsMetaTensors(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.to("meta"))


class ReturnsArrays(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.numpy())


class ReturnsGradients(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.requires_grad_() * 2)


class ReturnsSparseTensors(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, importance=good.importance.to_sparse())


class ReturnsOtherImages(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, images=torch.zeros_like(good.images))


class ReturnsFewerImages(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, images=good.images[:1])


class ReturnsOtherClasses(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, target=(good.target + 1) % 3)


class RepeatsConcepts(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, concepts=("same",) * len(good.concepts))


class NumbersConcepts(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, concepts=tuple(range(len(good.concepts))))


class ListsConcepts(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, concepts=list(good.concepts))


class NamesConceptsByMarkup(Good):
    def spoilt(self, good: Any) -> Any:
        names = (f"<script>alert({number})</script>" for number in range(len(good.concepts)))
        return replace(good, concepts=tuple(names))


class NotesNan(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, meta={"x": float("nan")})


class NotesAnObject(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, meta={"x": object()})


class DetailsAList(Good):
    def spoilt(self, good: Any) -> Any:
        return replace(good, details={"x": [1, 2]})


class Prints(Good):
    def spoilt(self, good: Any) -> Any:
        sys.stdout.write("noise on standard output\n")
        return good
