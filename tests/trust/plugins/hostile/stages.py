"""Data sets, classifiers, concept spaces, oracles and discoverers that raise or return nothing."""

from __future__ import annotations

import sys
from typing import Any

import torch
from toyparts import MeasuredSpace, ToyClassifier, ToyData, WorldOracle

from causalxai.oracle import Response
from causalxai.storage.record import Record
from causalxai.testing.toys import ToyDiscoverer


class DataThatRaise(ToyData):
    def load(self, **_: Any) -> Any:
        raise RuntimeError("boom")


class DataThatAreMissing(ToyData):
    def load(self, **_: Any) -> Any:
        return None


class ClassifierThatRaises(ToyClassifier):
    def fit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")


class ClassifierThatIsMissing(ToyClassifier):
    def fit(self, *_: Any, **__: Any) -> Any:
        return None


class ClassifierWithoutRecord(ToyClassifier):
    def to_record(self, *_: Any) -> Any:
        return {"weights": 1}


class SpaceThatRaises(MeasuredSpace):
    def fit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")


class SpaceThatIsMissing(MeasuredSpace):
    def fit(self, *_: Any, **__: Any) -> Any:
        return None


class SpaceThatStoresSparseTensors(MeasuredSpace):
    def to_record(self) -> Record:
        return Record(tensors={"x": torch.zeros(3).to_sparse()})


class SpaceThatRaisesInItsSummary(MeasuredSpace):
    def summary(self) -> Any:
        raise RuntimeError("boom")


class SpaceWithNanInItsSummary(MeasuredSpace):
    def summary(self) -> Any:
        return {"error": float("nan")}


class OracleThatRaises(WorldOracle):
    def _respond(self, *_: Any) -> Any:
        raise RuntimeError("boom")


class OracleThatExits(WorldOracle):
    def _respond(self, *_: Any) -> Any:
        sys.exit(0)


class OracleThatIsSilent(WorldOracle):
    def _respond(self, *_: Any) -> Any:
        return None


class OracleThatAnswersInIntegers(WorldOracle):
    def _respond(self, *question: Any) -> Any:
        response = super()._respond(*question)
        return Response(logits=response.logits.long())


class OracleThatCannotBeBound(WorldOracle):
    def bind(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")


class OracleThatVanishes(WorldOracle):
    def bind(self, *_: Any, **__: Any) -> Any:
        return None


class GraphThatRaises(ToyDiscoverer):
    def _discover(self, *_: Any) -> Any:
        raise RuntimeError("boom")


class GraphThatIsMissing(ToyDiscoverer):
    def _discover(self, *_: Any) -> Any:
        return None
