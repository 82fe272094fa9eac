"""Oracle truth: an oracle's answers against those of drawing the same individuals anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.intervals import Bounds
from causalxai.intervention import Intervention
from causalxai.metric import Estimate, MetricResult, MetricUndefinedError, RunMetric, ScoringInputs
from causalxai.metrics.pictures import other_images
from causalxai.metrics.rendered import RenderedWorld
from causalxai.metrics.resampling import Rows, bootstrapped
from causalxai.oracle import Oracle, Want
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator

_RANGE: Bounds = (None, 1.0)

_Values = NDArray[np.float64]


class OracleTruth(RunMetric):
    """How much of what an intervention truly changes an oracle predicts.

    Each concept of test images that has the same name in the run's space and in the data set's
    renderer is changed by one unit (a standard deviation; a boolean concept is flipped). The oracle
    answers, and the renderer draws the same individual anew, with all that follows by the true
    structural model; the classifier sees the drawing. The score is 1 minus the squared difference
    between the two changes of the logits, divided by the squared true change, all classes, images
    and concepts together: 1 if the oracle predicts the logits that the drawing has, 0 for an oracle
    that says that nothing happens, below 0 if it is farther from the truth than that.

    ``chance`` gives each image the answers for another image. Parts: ``average effects``, the same
    score for changes that are averaged over images; ``predictions``, the share of drawings for
    which the oracle predicts the class that the classifier gives; ``pictures``, 1 minus the squared
    difference between the oracle's picture and the drawing, divided by that between the image and
    the drawing; ``measured concepts``, the same for what the renderer's ruler measures on pictures,
    each concept in standard deviations. The last two are told of oracles that render.
    """

    name = "oracle-truth"
    higher_is_better = True
    value_range = _RANGE
    reference = "causalxai; effects of concepts by Goyal et al. (2019)"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.RENDERER})
    about_concepts = True

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of test images.
        """

        images: int = Field(default=50, ge=2)

    config: Config

    def _score_run(self, inputs: ScoringInputs) -> MetricResult:
        test, oracle = inputs.dataset.test, inputs.need_oracle()
        rows = torch.randperm(len(test), generator=inputs.rng)[: self.config.images]
        images = test.images[rows]
        if len(images) < 2:
            raise MetricUndefinedError("the chance level takes two or more test images")
        world = RenderedWorld.of(inputs.dataset, inputs.classifier, images)
        units = oracle.space.encode(images.to(inputs.classifier.device))
        common = [name for name in world.names() if name in oracle.space.names()]
        if not common:
            raise MetricUndefinedError(
                "no concept of the run has the name of one that the renderer can change "
                f"({', '.join(world.names())})"
            )
        answers = [_Answers.of(world, oracle, units, name) for name in common]
        rng = numpy_generator(inputs.rng)
        result = _Comparison(answers, rng)
        others = other_images(len(images), inputs.rng).numpy()
        unknown = len(world.names()) - len(common)
        reason = f"left out: {unknown} concepts that the run does not have" if unknown else ""
        return MetricResult(
            self.name,
            estimate=result.score(lambda one: one.logits, lambda one: one.true_logits),
            chance=result.score(lambda one: one.logits[others], lambda one: one.true_logits),
            parts=result.parts(),
            reason=reason,
        )


@dataclass(frozen=True)
class _Answers:
    """The changes by one intervention, as the oracle and as the renderer has them.

    ``logits`` and ``true_logits`` are ``[n, K]``; ``hits`` ``[n]``, whether the classes agree. The
    errors and the sizes ``[n]`` of the true changes are squared, of pictures and of measurements;
    ``None`` without pictures.
    """

    logits: _Values
    true_logits: _Values
    hits: _Values
    pictures: tuple[_Values, _Values] | None = None
    measured: tuple[_Values, _Values] | None = None

    @classmethod
    def of(cls, world: RenderedWorld, oracle: Oracle, units: Units, name: str) -> _Answers:
        """Change one concept of each image, in both worlds."""
        place, own_place = world.names().index(name), oracle.space.names().index(name)
        change = world.concepts[place].unit_change(world.units.values[:, place].cpu())
        done = Intervention.set(torch.tensor([[place]]), change.set_to[None, :, None])
        drawn, image = world.pictures(world.states(done)), world.pictures(world.own)
        after, before = (world.logits(pictures)[0] for pictures in (drawn, image))
        set_to = _same_change(world, oracle, units, place, own_place, change.set_to)
        renders = Capability.IMAGES in oracle.capabilities
        want: tuple[Want, ...] = ("logits", "images") if renders else ("logits",)
        asked = Intervention.set(torch.tensor([[own_place]]), set_to[None, :, None])
        answer = oracle.query(units, asked, want=want)
        nothing = oracle.query(units, Intervention.none()).answer("logits")[0].cpu().double()
        logits = answer.answer("logits")[0].cpu().double()
        hits = logits.argmax(dim=1) == after.argmax(dim=1)
        pictures = measured = None
        if renders:
            shown = answer.answer("images").cpu()
            pictures = _errors(shown[0], drawn[0], image[0])
            read, true, own = (
                world.renderer.measure(world.units, one) for one in (shown, drawn, image)
            )
            scale = torch.tensor([concept.scale or 1.0 for concept in world.concepts])
            measured = _errors(read[0] / scale, true[0] / scale, own[0] / scale)
        return cls(
            logits=(logits - nothing).numpy(),
            true_logits=(after - before).numpy(),
            hits=hits.double().numpy(),
            pictures=pictures,
            measured=measured,
        )


def _same_change(
    world: RenderedWorld, oracle: Oracle, units: Units, place: int, own_place: int, set_to: Tensor
) -> Tensor:
    """Return the values ``[n]`` of the run's concept that stand for the renderer's new ones.

    A boolean concept takes the same value. A continuous one moves by as many of its units as the
    renderer's does, from the value that the space reads.
    """
    true, own = world.concepts[place], oracle.space.concepts[own_place]
    read, present = units.values[:, own_place].cpu(), world.units.values[:, place].cpu()
    if true.is_binary and own.is_binary:
        return set_to.to(read)
    moved = (set_to - present) / (true.scale or 1.0)
    if own.is_binary:
        return (moved > 0).to(read)
    return read + moved.to(read) * (own.scale or 1.0)


def _errors(shown: Tensor, drawn: Tensor, image: Tensor) -> tuple[_Values, _Values]:
    """Return the squared error of each picture, and how far the drawing is from the image, [n].

    What cannot be measured in one of the three is left out.
    """
    wrong, right = ((one.double() - drawn.double()).square().flatten(1) for one in (shown, image))
    known = ~(wrong.isnan() | right.isnan())
    sums = [torch.where(known, table, 0.0).sum(dim=1).numpy() for table in (wrong, right)]
    return sums[0], sums[1]


@dataclass(frozen=True)
class _Comparison:
    """The answers to the interventions on each concept, of the same ``n`` images."""

    answers: list[_Answers]
    rng: np.random.Generator

    def score(
        self, claimed: Callable[[_Answers], _Values], true: Callable[[_Answers], _Values]
    ) -> Estimate:
        """Return the score of predicted changes ``[n, K]`` of the logits."""
        tables = [(claimed(one), true(one)) for one in self.answers]
        wrong = sum(((one - other) ** 2).sum(axis=1) for one, other in tables)
        right = sum((other**2).sum(axis=1) for _, other in tables)
        if not np.any(right > 0):
            raise MetricUndefinedError(
                "there are no effects to predict: the classifier's logits do not change when the "
                "renderer changes any of the concepts by one unit"
            )
        return self._of(np.asarray(wrong), np.asarray(right))

    def parts(self) -> dict[str, Estimate]:
        """Return what else there is to say."""
        tables = [(one.logits, one.true_logits) for one in self.answers]

        def average(rows: Rows) -> float:
            means = [(one[rows].mean(axis=0), other[rows].mean(axis=0)) for one, other in tables]
            wrong = sum(float(((one - other) ** 2).sum()) for one, other in means)
            right = sum(float((other**2).sum()) for _, other in means)
            return 1 - wrong / right if right > 0 else float("nan")

        hits = np.mean([one.hits for one in self.answers], axis=0)
        n = len(hits)
        parts = {
            "average effects": bootstrapped(average, n, self.rng, bounds=_RANGE),
            "predictions": Estimate.mean(hits, self.rng, bounds=(0.0, 1.0)),
        }
        for name, errors in (
            ("pictures", [one.pictures for one in self.answers]),
            ("measured concepts", [one.measured for one in self.answers]),
        ):
            known = [both for both in errors if both is not None]
            if known:
                wrong, right = (np.sum([both[side] for both in known], axis=0) for side in (0, 1))
                if right.sum() > 0:
                    parts[name] = self._of(wrong, right)
        return parts

    def _of(self, wrong: _Values, right: _Values) -> Estimate:
        """Return 1 minus the ratio of sums of squares ``[n]``."""

        def ratio(rows: Rows) -> float:
            scale = float(right[rows].sum())
            return 1 - float(wrong[rows].sum()) / scale if scale > 0 else float("nan")

        return bootstrapped(ratio, len(wrong), self.rng, bounds=_RANGE)
