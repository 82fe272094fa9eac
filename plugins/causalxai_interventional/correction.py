"""Prediction correction by keeping G+ alone, with controls for what else the recipe 'corrects'."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.concept import Units
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, MetricResult, MetricUndefinedError, RunMetric, ScoringInputs
from causalxai.plugin import PluginConfig
from causalxai_interventional.mechanisms import (
    Mechanisms,
    SelectionRule,
    find_mechanisms,
    rule_for,
)
from causalxai_interventional.parameter_oracle import ParameterOracle

_IMAGES_AT_ONCE = 4


class Correction(RunMetric):
    """The share of misclassified images that get the class whose G+ alone is kept.

    Every tested parameter outside G+ of the true class is set to zero, and biases are kept (section
    3.2). The recipe uses the true class, so that the share alone means little. Controls:

    - ``aimed at a random wrong class``: neither the true nor the predicted one; the share of images
    that the recipe 'corrects' to it; - ``aimed at the runner-up``: the share of images that it
    'corrects' to the second likeliest class; - ``a random set of the same size``: the share of
    images that get the true class when the same number of parameters of each layer is kept at
    random; - ``without the label``: the share of images for which the true class is the one whose
    own G+ gives it the highest logit. This is the only one of these shares that is available
    without labels.

    ``chance`` is the random set's.
    """

    name = "correction"
    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = "Interventional black-box explanations, section 3.2"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH})

    class Config(PluginConfig):
        """Settings of ``Correction``."""

        errors: int = Field(default=100, ge=1, description="misclassified images, at most")
        rule: SelectionRule | None = Field(
            default=None,
            description="when an edge counts as causal; as for the graph unless given",
        )

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        oracle = expect(inputs.need_oracle(), ParameterOracle, self.name)
        rule = rule_for(self.config.rule, inputs.discoverer)
        test = inputs.dataset.test
        wrong = (inputs.classifier.predict(test.images).cpu() != test.labels).nonzero()[:, 0]
        if not len(wrong):
            raise MetricUndefinedError("the classifier has no error on the test split")
        wrong = wrong[torch.randperm(len(wrong), generator=inputs.rng)][: self.config.errors]
        outcomes: list[dict[str, Tensor]] = []
        with inputs.progress.task("correction", len(wrong)) as advance:
            for rows in torch.split(wrong, _IMAGES_AT_ONCE):
                units = oracle.space.encode(test.images[rows])
                classes = torch.arange(len(inputs.classifier.class_names))
                targets = classes.expand(len(rows), -1).to(oracle.classifier.device)
                found = find_mechanisms(oracle, units, targets, rule)
                outcomes.append(_outcomes(oracle, units, found, test.labels[rows], inputs.rng))
                advance(len(rows))
        samples = {name: torch.cat([one[name] for one in outcomes]) for name in outcomes[0]}
        shares = {name: Estimate.share(hits.numpy()) for name, hits in samples.items() if len(hits)}
        return MetricResult(
            self.name,
            estimate=shares.pop("true class"),
            chance=shares["a random set of the same size"],
            controls=shares,
        )


def _outcomes(
    oracle: ParameterOracle,
    units: Units,
    found: Mechanisms,
    labels: Tensor,
    rng: torch.Generator,
) -> dict[str, Tensor]:
    """Return, for each recipe, which images get the class that it aims at, 0 or 1."""
    n, classes = found.targets.shape
    labels = labels.to(found.logits.device)
    kept = torch.stack(
        [_keep_only(oracle, units, found.flat("supports")[:, k]) for k in range(classes)], 1
    )
    came_out = kept.argmax(dim=2)
    ranking = found.logits.argsort(dim=1, descending=True)
    rows = torch.arange(n, device=labels.device)
    own_logit = kept.diagonal(dim1=1, dim2=2)
    wrong = _random_wrong_class(labels, ranking[:, 0], classes, rng)
    random_set = _keep_only(oracle, units, _shuffled(oracle, found, labels, rng))
    hits = {
        "true class": came_out[rows, labels] == labels,
        "aimed at a random wrong class": (came_out[rows, wrong] == wrong)[wrong >= 0],
        "aimed at the runner-up": came_out[rows, ranking[:, 1]] == ranking[:, 1],
        "a random set of the same size": random_set.argmax(dim=1) == labels,
        "without the label": own_logit.argmax(dim=1) == labels,
    }
    return {name: hit.cpu().double() for name, hit in hits.items()}


def _keep_only(oracle: ParameterOracle, units: Units, kept: Tensor) -> Tensor:
    """Return ``[n, K]``: the logits of each image when only its own set is kept, ``[n, d]``."""
    answers = []
    for row, keep in enumerate(kept):
        removed = (~keep).nonzero()[:, 0][None]
        removal = Intervention.ablate(removed)
        answers.append(oracle.query(units[row : row + 1], removal).answer("logits")[0])
    return torch.cat(answers)


def _random_wrong_class(
    labels: Tensor, predicted: Tensor, classes: int, rng: torch.Generator
) -> Tensor:
    """Draw a class that is neither the true nor the predicted one; -1 where there is none."""
    score = torch.rand(len(labels), classes, generator=rng).to(labels.device)
    score.scatter_(1, labels[:, None], -1.0).scatter_(1, predicted[:, None], -1.0)
    best = score.max(dim=1)
    return torch.where(best.values >= 0, best.indices, -1)


def _shuffled(
    oracle: ParameterOracle, found: Mechanisms, labels: Tensor, rng: torch.Generator
) -> Tensor:
    """Return ``[n, d]``: as many parameters of each layer as G+ of the true class has."""
    rows = torch.arange(len(labels), device=labels.device)
    supports = found.flat("supports")[rows, labels]
    shuffled = torch.zeros_like(supports)
    for layer in oracle.space.layers:
        columns = slice(layer.first, layer.indices.stop)
        for row in range(len(labels)):
            order = torch.randperm(layer.count, generator=rng).to(labels.device)
            shuffled[row, columns] = supports[row, columns][order]
    return shuffled
