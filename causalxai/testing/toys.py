"""A toy world whose causal truth is known in closed form, and one small plugin of each kind.

Four concepts of a linear Gaussian structural model set the brightness of the four patches of an
image, and a linear network reads them. Every quantity in an explanation can therefore be computed
by hand. The plugins are also examples for your own: they do everything that their interfaces ask
for, and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from causalxai.capabilities import Capability
from causalxai.classifier import Classifier
from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace, held_out_scales
from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.effects import responses
from causalxai.generic.scope import Scope
from causalxai.generic.unit_effects import unit_effects
from causalxai.graph import CausalGraph
from causalxai.graph_discoverer import DiscovererConfig, DiscoveryInputs, GraphDiscoverer
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.oracle import DEFAULT_MEMORY_CEILING, Oracle, Response, Want
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import numpy_generator, torch_generator
from causalxai.short_repr import short_repr
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record
from causalxai.testing.scm import LinearScm

CONCEPTS = ("top left", "top right", "bottom left", "bottom right")
CLASSES = ("circle", "square", "star")

_REACH = 20.0
_SCALE = 50.0
_TEXTURE = 0.1
_GRID, _PATCH = 2, 4
_SIDE = _GRID * _PATCH


def paint(values: Tensor) -> Tensor:
    """Return images ``[..., 1, 8, 8]``, one flat patch for each of four concepts.

    Linear; values in ±20 stay in [0.1, 0.9], so that there is room for texture.
    """
    brightness = 0.5 + values / _SCALE
    patches = torch.unflatten(brightness, -1, (1, _GRID, _GRID))
    return patches.repeat_interleave(_PATCH, dim=-2).repeat_interleave(_PATCH, dim=-1)


class ToySpace(ConceptSpace):
    """The brightness of each patch, called as the data set calls its concepts."""

    @property
    def concepts(self) -> Sequence[Concept]:
        """One concept for each patch."""
        return [
            Concept(name, low=-_REACH, high=_REACH, scale=scale)
            for name, scale in zip(self._names, self._scales, strict=True)
        ]

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,  # noqa: ARG002
        progress: Progress = SILENT,  # noqa: ARG002
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """Learn the names of the patches and the standard deviations of their brightness.

        Raises
        ------
        CapabilityError
            If the data set is not of this world.
        """
        if dataset.image_shape != (1, _SIDE, _SIDE) or len(dataset.concept_names) != _GRID**2:
            raise CapabilityError("ToySpace reads images of 1 x 8 x 8 with four named concepts")
        self._names, self._device = dataset.concept_names, classifier.device
        self._scales = held_out_scales(self, dataset.test.images)
        return self

    def encode(self, images: Tensor) -> Units:
        """Read the mean brightness of each patch; what it leaves over is the texture."""
        images = images.to(self._device)
        values = (functional.avg_pool2d(images, _PATCH).flatten(1) - 0.5) * _SCALE
        return Units(values, {"texture": images - paint(values)})

    def to_record(self) -> Record:
        """Return the names and the scales."""
        return Record(meta={"names": list(self._names), "scales": list(self._scales)})

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Take the names and the scales back."""
        self._names = tuple(cast("list[str]", record.meta["names"]))
        self._scales = tuple(cast("list[float]", record.meta["scales"]))
        self._device = classifier.device
        return self


class ToyOracle(Oracle):
    """Answers with the structural model: abduction, action, prediction, and a picture of it."""

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})
    accepts = ToySpace

    class Config(PluginConfig):
        """Settings of ``ToyOracle``."""

        weights: tuple[tuple[float, ...], ...] = Field(
            description="the structural model's matrix A, row by row"
        )

    config: Config

    def bind(
        self,
        classifier: Classifier,
        space: ConceptSpace,
        *,
        memory_ceiling: int = DEFAULT_MEMORY_CEILING,
    ) -> Self:
        """Attach the oracle to a classifier and a ``ToySpace``; return ``self``.

        Raises
        ------
        CapabilityError
            If the concepts are not the brightness of patches.
        """
        super().bind(classifier, space, memory_ceiling=memory_ceiling)
        weights = torch.tensor(self.config.weights, device=classifier.device)
        self.scm = LinearScm(weights, space.names())
        return self

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return the concepts' values with all that follows, ``[q, n, d]``."""
        return self.scm.counterfactual(units.values, interventions)

    def _respond(
        self,
        units: Units,
        interventions: Intervention,
        want: tuple[Want, ...],  # noqa: ARG002
    ) -> Response:
        after = self.states(units, interventions)
        images = (paint(after) + units.residual["texture"]).clamp(0, 1)
        flat = images.flatten(0, 1)
        by_unit = after.shape[:2]
        return Response(
            logits=self.classifier.logits(flat).unflatten(0, by_unit),
            readback=self.space.encode(flat).values.unflatten(0, by_unit),
            images=images,
        )


class ToyDiscoverer(GraphDiscoverer):
    """Moves each concept, reads the others back and solves for the direct effects.

    Exact for linear models. An edge's weight is in the concepts' own values.
    """

    requires = frozenset({Capability.ORACLE, Capability.READBACK})

    class Config(DiscovererConfig):
        """Settings of ``ToyDiscoverer``."""

        images: int = Field(default=8, ge=1, description="training images whose concepts are moved")
        threshold: float = Field(default=0.1, gt=0, description="the least effect that is an edge")

    config: Config

    def _discover(self, inputs: DiscoveryInputs) -> CausalGraph:
        oracle, train = inputs.need_oracle(), inputs.dataset.train
        chosen = torch.randperm(len(train), generator=inputs.rng)[: self.config.images]
        units = oracle.space.encode(train.images[chosen])
        every = torch.arange(len(oracle.space.concepts))
        scope = Scope(every, tuple(oracle.space.concepts), len(every))
        by_unit, _ = responses(oracle, units, scope).direct()
        scale = _scales(oracle).double().numpy()
        direct = by_unit * scale / scale[:, None]
        direct[np.abs(direct) < self.config.threshold] = 0
        return CausalGraph.from_adjacency(direct, oracle.space.names())


class ToyExplainer(Explainer):
    """Importance is what one more unit of a concept adds to the logit, by way of all it causes."""

    requires = frozenset({Capability.ORACLE})

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = inputs.need_oracle()
        units = oracle.space.encode(images)
        importance = measured_effects(oracle, units, target)
        return Explanation(
            images=images,
            target=target,
            concepts=oracle.space.names(),
            importance=importance,
            maps={"patches": paint(importance)[:, 0]},
            units=units,
        )


class ToyMetric(Metric):
    """How often the concept that is said to matter most is the one that does."""

    name = "best concept"
    higher_is_better = True
    value_range = (0.0, 1.0)
    reference = "causalxai.testing.toys"
    requires = frozenset({Capability.ORACLE})

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        oracle = inputs.need_oracle()
        claim = explanation.importance
        if claim is None or explanation.concepts != oracle.space.names():
            raise MetricUndefinedError("the explanation has no importance for each concept")
        truth = measured_effects(oracle, inputs.explained_units(explanation), explanation.target)
        noise = torch.rand(claim.shape, generator=inputs.rng)
        rng = numpy_generator(inputs.rng)

        def score(importance: Tensor) -> Estimate:
            hits = importance.cpu().argmax(dim=1) == truth.argmax(dim=1)
            return Estimate.mean(hits.numpy(), rng)

        return MetricResult(self.name, estimate=score(claim), chance=score(noise))


def measured_effects(oracle: Oracle, units: Units, target: Tensor) -> Tensor:
    """Return ``[n, d]``, on the CPU: what one more of each concept's own values adds to a logit.

    Parameters
    ----------
    oracle
        Any bound oracle.
    units, target
        ``n`` of them and, for each, the class ``[n]`` whose logit is meant.
    """
    every = torch.arange(len(oracle.space.concepts))
    effects = unit_effects(oracle, units, target, every)
    return effects.importance / _scales(oracle)


def _scales(oracle: Oracle) -> Tensor:
    return torch.tensor([concept.scale for concept in oracle.space.concepts])


@dataclass(frozen=True)
class ToyWorld:
    """A small world, and the truth about it.

    Parameters
    ----------
    dataset
        With its measured concepts and its true graph. Every fifth label is not the class that
        the classifier says.
    classifier
        Its logits are ``values @ reads + const``.
    space, oracle
        Fitted and bound.
    scm
        The structural model behind the images.
    reads
        ``[d, K]``, what the classifier makes of the concepts as they stand in the image.
    logit_effects
        ``[d, K]``, what shifting a concept by one adds to each logit, what it causes included:
        ``(I - A)^-1 @ reads``.
    """

    dataset: Dataset
    classifier: Classifier
    space: ToySpace
    oracle: ToyOracle
    scm: LinearScm
    reads: Tensor
    logit_effects: Tensor

    __repr__ = short_repr

    def inputs(self, seed: int = 0) -> ScoringInputs:
        """Return all parts together, the true graph among them."""
        return ScoringInputs(
            classifier=self.classifier,
            dataset=self.dataset,
            rng=torch_generator(seed),
            space=self.space,
            oracle=self.oracle,
            graph=self.scm.graph(),
        )


def toy_world(seed: int) -> ToyWorld:
    """Make a world: the same seed makes the same one.

    Parameters
    ----------
    seed
        Draws the effects and their order; two causes of one effect always share a cause.
    """
    rng = torch_generator(seed, "toy world")
    d = len(CONCEPTS)
    diamond = torch.tensor([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]])
    size = 0.5 + 0.5 * torch.rand(d, d, generator=rng)
    sign = torch.rand(d, d, generator=rng).sub(0.5).sign()
    order = torch.randperm(d, generator=rng)
    scm = LinearScm((diamond * size * sign)[order][:, order], CONCEPTS)
    reads = torch.randn(d, len(CLASSES), generator=rng)
    classifier = _linear_classifier(reads)
    dataset = Dataset(
        train=_split(scm, classifier, 64, rng),
        test=_split(scm, classifier, 32, rng),
        class_names=CLASSES,
        concept_names=CONCEPTS,
        graph=scm.graph(),
    )
    space = ToySpace().fit(classifier, dataset, rng=rng)
    rows = tuple(tuple(row) for row in scm.weights.tolist())
    oracle = ToyOracle(weights=rows).bind(classifier, space)
    return ToyWorld(dataset, classifier, space, oracle, scm, reads, scm.total_effects() @ reads)


def _linear_classifier(reads: Tensor) -> Classifier:
    """Return a network whose logits are ``values @ reads``."""
    linear = nn.Linear(_SIDE**2, reads.shape[1])
    patches = (paint(torch.eye(len(reads))) - 0.5).flatten(1) * _SCALE  # 1 inside a patch
    with torch.no_grad():
        linear.weight.copy_(reads.T @ patches * _SCALE / _PATCH**2)
        linear.bias.copy_(-_SCALE / 2 * reads.sum(dim=0))
    return Classifier(
        nn.Sequential(nn.Flatten(), linear), class_names=CLASSES, image_shape=(1, _SIDE, _SIDE)
    )


def _split(scm: LinearScm, classifier: Classifier, n: int, rng: torch.Generator) -> Split:
    values = scm.sample(n, rng)
    noise = torch.rand(n, 1, _SIDE, _SIDE, generator=rng) - 0.5
    means = functional.avg_pool2d(noise, _PATCH).repeat_interleave(_PATCH, 2)
    texture = _TEXTURE * (noise - means.repeat_interleave(_PATCH, 3))
    images = paint(values) + texture
    labels = classifier.predict(images)
    labels[::5] = (labels[::5] + 1) % len(CLASSES)
    return Split(images, labels, values)
