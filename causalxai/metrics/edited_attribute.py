"""Edited attribute: whether the attribute that an explanation names changes the prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.explainer import Explanation
from causalxai.metric import (
    AttributionSpace,
    Estimate,
    Metric,
    MetricResult,
    MetricUndefinedError,
    ScoringInputs,
)
from causalxai.metrics.claimed_effects import TrueEffects, claimed_effects
from causalxai.metrics.rendered import RenderedWorld
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai.what_if import WhatIf

_UNIT = (0.0, 1.0)


class EditedAttribute(Metric):
    """How much the prediction changes when the attribute that an explanation names is edited.

    For each class that is explained, the explanation names one attribute of the images: that for
    which its claims, averaged over the images of the class, are the largest. The editor is
    independent of the method: the data set's renderer draws each image anew with this attribute
    changed by one unit (a standard deviation, or a flip), with all that follows. The score is the
    absolute change of the probability of the explained class, averaged over images.

    What an explanation claims are its importances, if it has any of attributes that the renderer
    knows. Otherwise, if it has pictures of what-ifs, the ruler of the renderer measures how each
    attribute differs, in units, between the picture with nothing changed and the picture that has
    the least probability of the class: this is how a flip of bits without names is read. Otherwise
    its map is translated (see ``metrics.claimed_effects``).

    ``chance`` edits any attribute with equal probability. The control ``another attribute`` edits
    one that is not named, drawn at random for each class. Parts: ``before`` and ``after``, the
    probability of the class; ``class changed``, the share of images whose predicted class changes;
    ``as claimed``, the share of changes of the logit that have the claimed sign; ``best
    attribute``, the score of the attribute of each class that changes its probability most; and
    ``beside the label``, the score without attributes that have the name of a class, which are what
    the classifier was trained for.
    """

    name = "edited-attribute"
    higher_is_better = True
    value_range = _UNIT
    reference = (
        "Gat, Lorberbom, Schwartz, Hazan (2022): Latent space explanation by intervention, AAAI, "
        "figure 5"
    )
    requires = frozenset({Capability.RENDERER})
    about_concepts = True
    reading_note = (
        "edited-attribute draws images anew with the attribute that an explanation names, and "
        "tells by how much the probability of the class changes. Compare it with chance, which "
        "edits any attribute."
    )

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        images
            The maximum number of images.
        """

        images: int = Field(default=50, ge=1)

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        rows = torch.randperm(len(explanation), generator=inputs.rng)[: self.config.images]
        edits = EditedImages.of(explanation.of_rows(rows), inputs)
        rng = numpy_generator(inputs.rng)

        def mean(values: Tensor) -> Estimate:
            return Estimate.mean(values.double().numpy(), rng, bounds=_UNIT)

        known = edits.named >= 0
        change = edits.change[known]
        place = edits.named[known]
        d = change.shape[1]
        parts = {
            "before": mean(edits.before[known]),
            "after": mean(_of(edits.after[known], place)),
            "class changed": Estimate.share(_of(edits.class_changed[known], place).numpy()),
            "best attribute": mean(_of(change, edits.best()[known])),
        }
        moved = edits.effect_of_named[known] != 0
        if bool(moved.any()):
            parts["as claimed"] = Estimate.share(edits.as_claimed[known][moved].numpy())
        beside = edits.beside(inputs.classifier.class_names)
        if bool((beside >= 0).any()) and not torch.equal(beside, edits.named):
            parts["beside the label"] = mean(_of(edits.change, beside)[beside >= 0])
        other = edits.others(inputs.rng)[known]
        left = int((~known).sum())
        return MetricResult(
            self.name,
            estimate=mean(_of(change, place)),
            chance=mean(change.mean(dim=1)),
            parts=parts,
            controls={"another attribute": mean(_of(change, other))} if d > 1 else {},
            read=AttributionSpace.CONCEPTS,
            translated=edits.by != _IMPORTANCES,
            reason=edits.words(inputs.classifier.class_names)
            + (f"; left out: {left} images of classes without a name" if left else ""),
        )


_IMPORTANCES, _WHAT_IFS, _MAP = "importances", "the pictures of its what-ifs", "a map"


@dataclass(frozen=True)
class EditedImages:
    """Images that are drawn anew with each attribute changed, and the attributes that are named.

    Parameters
    ----------
    world
        The ``n`` individuals, with ``d`` attributes.
    target
        ``[n]``, the explained classes.
    set_to
        ``[n, d]``, the value to which each attribute was set.
    before
        ``[n]`` float64, the probability of the explained class.
    after
        ``[n, d]``, the same after each change.
    class_changed
        ``[n, d]``, whether the predicted class is another one.
    effect
        ``[n, d]``, what the change adds to the logit of the explained class.
    claimed
        ``[n, d]``, what the explanation claims of it for the class of the image.
    by
        In words, which claims of the explanation these are.
    """

    world: RenderedWorld
    target: Tensor
    set_to: Tensor
    before: Tensor
    after: Tensor
    class_changed: Tensor
    effect: Tensor
    claimed: Tensor
    by: str

    @classmethod
    def of(cls, explanation: Explanation, inputs: ScoringInputs) -> EditedImages:
        """Draw the explained images anew with each attribute changed by one unit.

        Raises
        ------
        CapabilityError
            If the data set has no renderer, or the explanation claims nothing that can be compared.
        MetricUndefinedError
            If an image is not one of the data set, or the explanation names no attribute.
        """
        world = RenderedWorld.of(inputs.dataset, inputs.classifier, explanation.images)
        target = explanation.target.cpu()
        true = TrueEffects.of(world, target)
        claims, by = _claims_of_more(explanation, inputs, true)
        index = target[:, None, None].expand(-1, true.after.shape[1], 1)
        after = true.after.softmax(dim=2).gather(2, index)[..., 0]
        before = true.before.softmax(dim=1).gather(1, target[:, None])[:, 0]
        classes = true.before.argmax(dim=1)[:, None]
        found = cls(
            world=world,
            target=target,
            set_to=true.set_to,
            before=before,
            after=after,
            class_changed=true.after.argmax(dim=2) != classes,
            effect=true.total,
            claimed=_by_class(claims, target) * true.direction,
            by=by,
        )
        if not bool((found.named >= 0).any()):
            raise MetricUndefinedError(
                "the explanation claims no effect of any attribute that the data set's renderer "
                "can change, so that it names none"
            )
        return found

    @property
    def change(self) -> Tensor:
        """``[n, d]``, the absolute change of the probability."""
        return (self.after - self.before[:, None]).abs()

    @property
    def named(self) -> Tensor:
        """``[n]``, the place of the attribute that is named for each image's class; -1 of none."""
        return _largest(self.claimed)

    @property
    def effect_of_named(self) -> Tensor:
        """``[n]``, what the change of the named attribute adds to the logit."""
        return _of(self.effect, self.named)

    @property
    def as_claimed(self) -> Tensor:
        """``[n]``, whether this has the claimed sign."""
        return self.effect_of_named.sign() == _of(self.claimed, self.named).sign()

    def beside(self, class_names: tuple[str, ...]) -> Tensor:
        """Return the named attributes ``[n]`` where those that are called as a class are not."""
        labels = torch.tensor([name in class_names for name in self.world.names()])
        return _largest(self.claimed.masked_fill(labels, 0.0))

    def best(self) -> Tensor:
        """Return the attribute of each image's class, ``[n]``, whose change has most effect."""
        return _by_class(self.change, self.target).argmax(dim=1)

    def others(self, rng: torch.Generator) -> Tensor:
        """Draw for each class an attribute that is not named, ``[n]``."""
        d = self.change.shape[1]
        drawn = torch.zeros_like(self.target)
        for klass in self.target.unique():
            drawn[self.target == klass] = torch.randint(1, max(2, d), (1,), generator=rng)
        return (self.named + drawn) % d

    def words(self, class_names: tuple[str, ...]) -> str:
        """Say which attribute is named for each class, and by what."""
        names, told = self.world.names(), []
        for klass in self.target.unique().tolist():
            place = int(self.named[self.target == klass][0])
            told.append(f"{names[place] if place >= 0 else 'none'} for {class_names[klass]}")
        return f"named by {self.by}: {', '.join(told)}"


def _claims_of_more(
    explanation: Explanation, inputs: ScoringInputs, true: TrueEffects
) -> tuple[Tensor, str]:
    """Return claims about more of each attribute, ``[n, d]``; nan where there are none."""
    names = true.world.names()
    named = explanation.importance is not None and set(names) & set(explanation.concepts)
    if not named:
        pictured = _pictured(explanation)
        if pictured:
            return _claims_of_what_ifs(explanation, true, pictured), _WHAT_IFS
    claims = claimed_effects(explanation, inputs, true)
    return claims.effect * true.direction, _MAP if claims.translated else _IMPORTANCES


def _pictured(explanation: Explanation) -> Mapping[int, tuple[Tensor, Tensor]]:
    """Return, by row, the picture with nothing changed and that with the least probability."""
    found: dict[int, tuple[Tensor, Tensor]] = {}
    by_row: dict[int, list[WhatIf]] = {}
    for one in explanation.what_ifs:
        if one.image is not None:
            by_row.setdefault(one.row, []).append(one)
    for row, some in by_row.items():
        target = int(explanation.target[row])
        unchanged = next((one.image for one in some if not one.changes), None)
        changed = [one for one in some if one.changes]
        if changed:
            least = min(changed, key=lambda one: one.confidence(target))
            assert least.image is not None
            found[row] = (explanation.images[row] if unchanged is None else unchanged, least.image)
    return found


def _claims_of_what_ifs(
    explanation: Explanation, true: TrueEffects, pictured: Mapping[int, tuple[Tensor, Tensor]]
) -> Tensor:
    """Return ``[n, d]``: the more an attribute grows in a picture of less probability, the less."""
    world = true.world
    scales = torch.tensor([concept.scale for concept in world.concepts]).double()
    claims = torch.full((len(explanation), len(scales)), torch.nan, dtype=torch.float64)
    for row, pictures in pictured.items():
        units = world.units[torch.tensor([row])]
        shown = torch.stack([picture.cpu() for picture in pictures])[:, None]
        before, after = world.renderer.measure(units, shown)[:, 0].double()
        # What the ruler cannot measure on a picture did not grow there.
        claims[row] = -((after - before) / scales).nan_to_num()
    return claims


def _by_class(values: Tensor, target: Tensor) -> Tensor:
    """Return the means ``[n, d]`` of the classes of the images, without nan; 0 of nothing else."""
    means = torch.zeros_like(values)
    for klass in target.unique():
        means[target == klass] = values[target == klass].nanmean(dim=0).nan_to_num()
    return means


def _largest(claims: Tensor) -> Tensor:
    """Return the place of the largest size in each row; -1 where all are 0."""
    size = claims.abs()
    return torch.where((size > 0).any(dim=1), size.argmax(dim=1), -1)


def _of(table: Tensor, place: Tensor) -> Tensor:
    """Return the entry of each row at a place, ``[n]``; of -1, that of the first column."""
    return table.gather(1, place.clamp(min=0)[:, None])[:, 0]
