"""The accuracy on a whole test set after the edges that oppose classes were removed for good."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.image_data.lazy import Images
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, MetricResult, MetricUndefinedError, RunMetric, ScoringInputs
from causalxai.plugin import PluginConfig
from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms, rule_for
from causalxai_interventional.parameter_oracle import ParameterOracle

_IMAGES_AT_ONCE = 10
_TEST_IMAGES_AT_ONCE = 256


class OppositionRemoved(RunMetric):
    """The accuracy on test images after the edges that oppose classes were set to zero.

    The paper removes G- as "noise in the model" to improve its performance. Here the edges are
    chosen from training images, which no test image is among. An edge opposes a class if it is in
    G- in at least a given share of correctly classified training images of that class, and likewise
    for support and G+. The edges that oppose some class and support none are removed at once, and
    the network is otherwise left as it is: no image has a network of its own, and no label is used.

    Controls: ``unchanged``, the accuracy of the network as it is; ``a random set of the same
    size``, with as many edges of each layer removed at random, which is also ``chance``.

    Parts tell what comes of networks that are changed for one class each, by removing all that
    opposes this class: ``for the true class``, the share of images that are right with the network
    of their label; ``for a random wrong class``, the share of images that get this class with its
    network, which shows how much of the former any class would have; ``without the label``, the
    share of images whose true class is the one that has the highest logit in its own network. And
    ``removed``, the share of all edges that the score removes.
    """

    name = "opposition-removed"
    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = "Interventional black-box explanations, sections 1 and 3.2"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        positives
            The number of training images of each class that choose its edges, at most.
        frequency
            The share of these from which on an edge opposes a class, or supports it.
        images
            The number of test images, at most.
        rule
            When an edge counts as causal; as for the graph unless given.
        """

        positives: PositiveInt = 20
        frequency: float = Field(default=0.5, gt=0, le=1)
        images: PositiveInt = 10_000
        rule: SelectionRule | None = None

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        oracle = expect(inputs.need_oracle(), ParameterOracle, self.name)
        supporting, opposing = self._frequent(oracle, inputs)
        removed = opposing.any(dim=0) & ~supporting.any(dim=0)
        if not bool(removed.any()):
            raise MetricUndefinedError(
                f"no edge is in G- in {self.config.frequency:.0%} of the images of a class without "
                "being in G+ as often; lower 'frequency'"
            )
        test = inputs.dataset.test
        rows = torch.randperm(len(test), generator=inputs.rng)[: self.config.images]
        labels = test.labels[rows]
        sets = [removed, _shuffled(oracle, removed, inputs.rng), *opposing]
        logits = _logits(oracle, test.images, rows, sets)
        plain, without, at_random = (
            Estimate.share((one.argmax(dim=1) == labels).numpy()) for one in logits[:3]
        )
        own = torch.stack(logits[3:], dim=1)
        return MetricResult(
            self.name,
            estimate=without,
            chance=at_random,
            controls={
                "unchanged": plain,
                "a random set of the same size": at_random,
            },
            parts={
                **_for_one_class_each(own, labels, inputs.rng),
                "removed": Estimate(float(removed.double().mean()), n=len(removed)),
            },
        )

    def _frequent(self, oracle: ParameterOracle, inputs: ScoringInputs) -> tuple[Tensor, Tensor]:
        """Return which edges support and which oppose each class, ``[K, d]`` on the CPU."""
        rule = rule_for(self.config.rule, inputs.discoverer)
        classes = range(len(inputs.classifier.class_names))
        supports, opposes = [], []
        with inputs.progress.task("edges that oppose classes", len(classes)) as advance:
            for index in classes:
                images = self._positives(inputs, index)
                both = torch.zeros(2, len(oracle.space.concepts))
                for some in torch.split(images, _IMAGES_AT_ONCE):
                    units = oracle.space.encode(some)
                    targets = torch.full((len(some), 1), index, device=oracle.classifier.device)
                    found = find_mechanisms(oracle, units, targets, rule)
                    for row, field in enumerate(("supports", "opposes")):
                        both[row] += found.flat(field)[:, 0].sum(dim=0).cpu()
                # Shares are of at most 10^6 images, so that rounding is far below one of them.
                frequent = both >= self.config.frequency * len(images) - 1e-6
                supports.append(frequent[0])
                opposes.append(frequent[1])
                advance(1)
        return torch.stack(supports), torch.stack(opposes)

    def _positives(self, inputs: ScoringInputs, index: int) -> Tensor:
        """Draw correctly classified training images of a class."""
        train, wanted = inputs.dataset.train, self.config.positives
        own = (train.labels == index).nonzero()[:, 0]
        drawn = own[torch.randperm(len(own), generator=inputs.rng)]
        found = []
        # Training images are mostly right, so that few more than wanted have to be looked at.
        for rows in torch.split(drawn, max(wanted, _IMAGES_AT_ONCE)):
            hits = inputs.classifier.predict(train.images[rows]).cpu() == index
            found.append(rows[hits])
            if sum(map(len, found)) >= wanted:
                break
        chosen = torch.cat([*found, own[:0]])[:wanted]
        if not len(chosen):
            name = inputs.classifier.class_names[index]
            raise MetricUndefinedError(f"no training image of class {name!r} is classified right")
        return train.images[chosen]


def _logits(
    oracle: ParameterOracle, images: Images, rows: Tensor, sets: Sequence[Tensor]
) -> list[Tensor]:
    """Return the logits ``[n, K]`` of the network, and of it without each set ``[d]`` of edges."""
    removals = [Intervention.none(), *(_removal(edges) for edges in sets)]
    answers: list[list[Tensor]] = [[] for _ in removals]
    for some in torch.split(rows, _TEST_IMAGES_AT_ONCE):
        units = oracle.space.encode(images[some])
        for place, removal in enumerate(removals):
            answers[place].append(oracle.query(units, removal).answer("logits")[0].cpu())
    return [torch.cat(parts) for parts in answers]


def _removal(edges: Tensor) -> Intervention:
    """Return the intervention that removes all of the marked edges ``[d]``."""
    if not bool(edges.any()):
        return Intervention.none()
    return Intervention.ablate(edges.nonzero()[:, 0][None])


def _shuffled(oracle: ParameterOracle, edges: Tensor, rng: torch.Generator) -> Tensor:
    """Return as many edges of each layer, ``[d]``, drawn at random."""
    drawn = torch.zeros_like(edges)
    for layer in oracle.space.layers:
        columns = slice(layer.first, layer.indices.stop)
        drawn[columns] = edges[columns][torch.randperm(layer.count, generator=rng)]
    return drawn


def _for_one_class_each(
    logits: Tensor, labels: Tensor, rng: torch.Generator
) -> dict[str, Estimate]:
    """Return what comes of networks that favour one class each.

    Parameters
    ----------
    logits
        ``[n, K, K]``, of each image by the network of each class.
    labels
        ``[n]``, the true classes.
    rng
        Draws the wrong classes.
    """
    n, classes = logits.shape[:2]
    rows, found = torch.arange(n), logits.argmax(dim=2)
    wrong = (labels + torch.randint(1, classes, (n,), generator=rng)) % classes
    own = logits.diagonal(dim1=1, dim2=2)
    hits = {
        "for the true class": found[rows, labels] == labels,
        "for a random wrong class": found[rows, wrong] == wrong,
        "without the label": own.argmax(dim=1) == labels,
    }
    return {name: Estimate.share(hit.numpy()) for name, hit in hits.items()}
