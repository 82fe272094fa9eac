"""What explanations claim of the concepts that a renderer can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.concept import Concept
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.intervention import Intervention
from causalxai.metric import ScoringInputs
from causalxai.metrics.rendered import RenderedWorld

_ROUNDING = 1e-6


@dataclass(frozen=True)
class TrueEffects:
    """What one unit of change of each concept does to the logit of a class, by drawing anew.

    Continuous concepts go up. One that is at its upper bound is not changed, and has no effect.

    Parameters
    ----------
    world
        The ``n`` individuals that were drawn.
    set_to
        ``[n, d]``, the value to which each concept was set.
    share
        ``[n, d]``, which share of a unit that is; see ``UnitChange``.
    total
        ``[n, d]`` float64, what the change adds to the logit of the target class, with all that
        follows from it.
    direct
        ``[n, d]``, the same while all other concepts are held.
    pictures
        ``[d, n, h, w]``, the change of the picture, averaged over the channels.
    before
        ``[n, K]`` float64, the logits of the images.
    after
        ``[n, d, K]``, the logits after each change, with all that follows from it.
    """

    world: RenderedWorld
    set_to: Tensor
    share: Tensor
    total: Tensor
    direct: Tensor
    pictures: Tensor
    before: Tensor
    after: Tensor

    @property
    def direction(self) -> Tensor:
        """``[n, d]``: 1 where the change makes the concept more, -1 where it makes it less."""
        moved = self.set_to.double() - self.world.units.values.cpu().double()
        return torch.where(moved < 0, -1.0, 1.0).double()

    @classmethod
    def of(cls, world: RenderedWorld, target: Tensor) -> TrueEffects:
        """Draw each individual with each concept changed by one unit.

        Parameters
        ----------
        world
            The individuals.
        target
            ``[n]``, the class whose logit is followed.
        """
        own = world.pictures(world.own)
        index = target.cpu()[:, None]
        logits = world.logits(own)[0]
        before = logits.gather(1, index)[:, 0]
        # Smaller changes are rounding errors of the logits.
        least = _ROUNDING * (float(before.abs().max()) or 1.0)

        def effect(logits: Tensor) -> Tensor:
            change = logits.gather(1, index)[:, 0] - before
            return torch.where(change.abs() > least, change, 0.0)

        changes, answers, direct, moved = [], [], [], []
        for place, concept in enumerate(world.concepts):
            change = concept.unit_change(world.units.values[:, place].cpu())
            done = Intervention.set(torch.tensor([[place]]), change.set_to[None, :, None])
            after = world.pictures(world.states(done))
            held = world.own.clone()
            held[0, :, place] = change.set_to.to(held)
            changes.append(change)
            answers.append(world.logits(after)[0])
            direct.append(effect(world.logits(world.pictures(held))[0]))
            moved.append((after - own)[0].mean(dim=1))
        return cls(
            world=world,
            set_to=torch.stack([change.set_to for change in changes], dim=1),
            share=torch.stack([change.share for change in changes], dim=1),
            total=torch.stack([effect(answer) for answer in answers], dim=1),
            direct=torch.stack(direct, dim=1),
            pictures=torch.stack(moved),
            before=logits,
            after=torch.stack(answers, dim=1),
        )


@dataclass(frozen=True)
class ClaimedEffects:
    """What an explanation claims that the changes of ``TrueEffects`` add to the logit.

    Parameters
    ----------
    effect
        ``[n, d]`` float64; 0 where the explanation does not name the concept.
    named
        How many of the ``d`` concepts it names.
    translated
        Whether it was translated from a map of pixels.
    """

    effect: Tensor
    named: int
    translated: bool

    @property
    def remark(self) -> str:
        """What a score's ``reason`` has to say about the claims."""
        d = self.effect.shape[1]
        unnamed = d - self.named
        return f"{unnamed} of {d} concepts are not named and count as 0" if unnamed else ""


def claimed_effects(
    explanation: Explanation, inputs: ScoringInputs, true: TrueEffects
) -> ClaimedEffects:
    """Return an explanation's claims about the concepts of the data set's renderer.

    Concepts are matched by their names. An importance is what one unit adds to the logit; that of a
    boolean concept is what its present value contributes. One unit of a continuous concept by which
    an explanation speaks of a boolean one is a standard deviation.

    An explanation without importances of these concepts is translated from its first map: the
    effect of a change is the sum of the map over the change of the drawing.

    Raises
    ------
    CapabilityError
        If the explanation names none of the concepts, and has no map.
    """
    names = true.world.names()
    importance = explanation.importance
    named = [name for name in names if name in explanation.concepts]
    if importance is None or not named:
        return _translated(explanation, true, names)
    own = _own_concepts(inputs, explanation)
    effect = torch.zeros_like(true.total)
    for name in named:
        place, column = names.index(name), explanation.concepts.index(name)
        share = _share(own.get(name), true, place)
        effect[:, place] = importance[:, column].cpu().double() * share
    return ClaimedEffects(effect, len(named), translated=False)


def _own_concepts(inputs: ScoringInputs, explanation: Explanation) -> dict[str, Concept]:
    """Return the concepts of the run's space that an explanation names, by name."""
    if inputs.space is None:
        return {}
    wanted = set(explanation.concepts)
    return {concept.name: concept for concept in inputs.space.concepts if concept.name in wanted}


def _share(own: Concept | None, true: TrueEffects, place: int) -> Tensor:
    """Return the factors ``[n]`` that turn importances into claims about a concept's change.

    Parameters
    ----------
    own
        The concept as the run's space has it; ``None`` where it is as the renderer has it.
    true
        The changes.
    place
        The concept's place among those of the renderer.
    """
    concept, share = true.world.concepts[place], true.share[:, place].double()
    if own is None or own.is_binary == concept.is_binary:
        return share
    before = true.world.units.values[:, place].cpu().double()
    if concept.is_binary:  # a continuous claim: from one value to the other in standard deviations
        spread = float(before.std(correction=0)) or 1.0
        return (true.set_to[:, place].double() - before) / spread
    # The importance of a boolean concept is that of its value; above the mean it is taken as true.
    return share * torch.where(before > before.mean(), 1.0, -1.0)


def _translated(
    explanation: Explanation, true: TrueEffects, names: Sequence[str]
) -> ClaimedEffects:
    if not explanation.maps:
        raise CapabilityError(
            "the explanation names none of the concepts that the data set's renderer can change "
            f"({', '.join(names)}), and has no map of pixels"
        )
    heat = next(iter(explanation.maps.values())).cpu().double()
    effect = (true.pictures.double() * heat).sum(dim=(2, 3)).T
    return ClaimedEffects(effect, len(names), translated=True)
