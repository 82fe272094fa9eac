"""Explainers that break a promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explainer, Explanation
from causalxai.intervention import Action
from causalxai.metric import ScoringInputs
from causalxai.testing.toys import ToyExplainer
from causalxai.what_if import Change, WhatIf
from tests.testing.broken.register import breaks


class TamperedExplainer(ToyExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return explanation

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return self.tamper(super()._explain(images, target, inputs))


@breaks("explainer", "explanation_has_the_promised_form")
class LosesAConcept(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, concepts=explanation.concepts[1:])


@breaks("explainer", "explanation_has_the_promised_form")
class DragsAGradientAlong(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, importance=explanation.importance.clone().requires_grad_())


class TellsAWhatIf(TamperedExplainer):
    changed: ClassVar[dict[str, Any]]

    def tamper(self, explanation: Explanation) -> Explanation:
        raised = Change(explanation.concepts[0], Action.SHIFT, 1.0, "raised")
        sound = WhatIf(0, (raised,), torch.zeros(3), torch.full((1, 8, 8), 0.5))
        return replace(explanation, what_ifs=(sound, replace(sound, **self.changed)))


@breaks("explainer", "explanation_has_the_promised_form")
class SpeaksOfAnotherImage(TellsAWhatIf):
    changed: ClassVar = {"row": 9}


@breaks("explainer", "what_ifs_can_be_shown")
class ChangesWhatIsNoConcept(TellsAWhatIf):
    changed: ClassVar = {"changes": (Change("nothing", Action.FLIP, 0.0, "flipped"),)}


@breaks("explainer", "what_ifs_can_be_shown")
class PaintsBrighterThanWhite(TellsAWhatIf):
    changed: ClassVar = {"image": torch.full((1, 8, 8), 1.5)}


@breaks("explainer", "what_ifs_can_be_shown")
class DragsAPicturesGradientAlong(TellsAWhatIf):
    changed: ClassVar = {"logits": torch.zeros(3, requires_grad=True)}


@breaks("explainer", "explanation_keeps_what_the_space_reads")
class KeepsOtherUnits(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, units=explanation.units[torch.tensor([1, 0, 2, 3])])


@breaks("explainer", "explanation_is_of_what_was_asked")
class ExplainsSomethingElse(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, images=1 - explanation.images)


@breaks("explainer", "one_class_serves_all_images")
class CountsClassesFromOne(ToyExplainer):
    def explain(self, images: Any, target: Any, inputs: Any) -> Any:  # type: ignore[misc]
        return super().explain(images, target - 1 if isinstance(target, int) else target, inputs)


@breaks("explainer", "same_rng_gives_the_same_explanation")
class AddsNoise(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        noise = torch.randn_like(explanation.importance)
        return replace(explanation, importance=explanation.importance + noise)


@breaks("explainer", "explanation_survives_storage")
class KeepsObjects(TamperedExplainer):
    def tamper(self, explanation: Explanation) -> Explanation:
        return replace(explanation, meta={"made by": object()})


@breaks("explainer", "explaining_leaves_its_inputs_alone")
class MutatesImages(ToyExplainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return super()._explain(images.mul_(0.9), target, inputs)


@breaks("explainer", "explaining_leaves_its_inputs_alone")
class WantsGradients(ToyExplainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        explanation = super()._explain(images, target, inputs)
        images.requires_grad_()
        return explanation


@breaks("explainer", "explaining_leaves_its_inputs_alone")
class LeavesAGradient(ToyExplainer):
    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        model = inputs.classifier.model.requires_grad_(True)
        model(images).sum().backward()
        model.requires_grad_(False)
        return super()._explain(images, target, inputs)


@breaks("explainer", "explanation_needs_what_it_requires")
class KeepsItsNeedsSecret(ToyExplainer):
    requires: frozenset[Capability] = frozenset()


@breaks("explainer", "explanation_sections_can_be_shown")
class ShowsNothingStored(ToyExplainer):
    @staticmethod
    def report_builder(explainer: Explainer, explanation: Explanation, images: Any) -> Any:
        return explanation.details["not there"]
