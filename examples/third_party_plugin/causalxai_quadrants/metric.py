"""A metric: how often the prediction turns when the concept that matters most is set to 0."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai import Capability, Estimate, Explanation, Intervention, Metric, MetricResult
from causalxai.metric import MetricUndefinedError, ScoringInputs


class TopConceptTurns(Metric):
    """The share of images whose prediction turns; by chance, with a concept at random."""

    name = "top-concept-turns"
    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = "an example; after deletion tests of attributions"
    requires = frozenset({Capability.ORACLE})
    about_concepts = True

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        oracle, claim = inputs.need_oracle(), explanation.importance
        if claim is None or explanation.concepts != oracle.space.names():
            raise MetricUndefinedError("the explanation has no importance for each concept")
        units = oracle.space.encode(explanation.images)
        every = torch.arange(claim.shape[1])
        before = oracle.query(units, Intervention.none()).answer("logits").argmax(dim=2)
        after = oracle.query(units, Intervention.ablate(every)).answer("logits").argmax(dim=2)
        turned = (before != after).cpu()

        def score(concept: Tensor) -> Estimate:
            return Estimate.share(turned[concept, torch.arange(len(concept))].numpy())

        anything = torch.randint(len(every), (len(claim),), generator=inputs.rng)
        return MetricResult(
            self.name, estimate=score(claim.cpu().argmax(dim=1)), chance=score(anything)
        )
