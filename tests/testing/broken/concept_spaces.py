"""Concept_spaces that break a promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace
from causalxai.report.builder import ReportInputs
from causalxai.testing.toys import ToySpace
from tests.testing.broken.register import breaks


@breaks("space", "fit_returns_self")
class ReturnsAnother(ToySpace):
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        super().fit(*args, **kwargs)
        return ToySpace().fit(*args, **kwargs)


@breaks("space", "fit_leaves_its_inputs_alone")
class NormalisesTheDataInPlace(ToySpace):
    def fit(self, classifier: Any, dataset: Any, **kwargs: Any) -> Any:
        dataset.train.images.mul_(0.5)
        return super().fit(classifier, dataset, **kwargs)


@breaks("space", "fit_leaves_its_inputs_alone")
class TrainsTheClassifier(ToySpace):
    def fit(self, classifier: Any, dataset: Any, **kwargs: Any) -> Any:
        with torch.no_grad():
            classifier.model[1].bias.add_(1e-6)
        return super().fit(classifier, dataset, **kwargs)


@breaks("space", "same_rng_gives_the_same_fit")
class NamesAtRandom(ToySpace):
    def fit(self, classifier: Any, dataset: Any, **kwargs: Any) -> Any:
        names = tuple(f"{name} {torch.rand(()):.6f}" for name in dataset.concept_names)
        return super().fit(classifier, replace(dataset, concept_names=names), **kwargs)


@breaks("space", "names_are_unique")
class HasNamesakes(ToySpace):
    @property
    def concepts(self) -> Any:
        return [Concept("patch")] * 4


@breaks("space", "every_column_has_a_concept")
class ForgetsAConcept(ToySpace):
    @property
    def concepts(self) -> Any:
        return super().concepts[1:]


@breaks("space", "encode_gives_finite_values")
class TakesLogarithms(ToySpace):
    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, values=units.values.log())


@breaks("space", "encode_gives_finite_values")
class KeepsAMean(ToySpace):
    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, residual={"mean": images.mean(dim=0, keepdim=True)})


@breaks("space", "encode_leaves_images_alone")
class ClampsInPlace(ToySpace):
    def encode(self, images: Tensor) -> Units:
        return super().encode(images.clamp_(0.2, 0.5))


@breaks("space", "encode_reads_each_image_alone")
class Centres(ToySpace):
    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, values=units.values - units.values.mean(dim=0))


@breaks("space", "space_sections_can_be_shown")
class ShowsAStringOfItsFit(ToySpace):
    @staticmethod
    def report_builder(space: ConceptSpace, inputs: ReportInputs) -> Any:
        return ["learned well"]


@breaks("space", "record_brings_the_space_back")
class ForgetsItsScale(ToySpace):
    scale = 1.0

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        self.scale = 2.0
        return super().fit(*args, **kwargs)

    def encode(self, images: Tensor) -> Units:
        units = super().encode(images)
        return replace(units, values=self.scale * units.values)
