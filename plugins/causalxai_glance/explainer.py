"""Local explanations: LIME on aligned latents that keeps the graph's structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.concept_space import Units
from causalxai.dataset import some_of_each_class
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.intervention import NO_TARGET, Action, Intervention
from causalxai.plugin import PluginConfig
from causalxai.what_if import Change
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.local_model import LocalModel, locality
from causalxai_glance.pairs import SIDES, Pairs
from causalxai_glance.twin_oracle import TwinOracle

STEPS = (1.0, -1.0)
"""A counterfactual pair: up, then down; do(1), then do(0) for what is there or not."""

_SAMPLES_A_QUERY = 32
_STAND_INS = 3


class GlanceExplainer(Explainer):
    """Fits a sparse linear model to the logit around each image, and asks what-ifs of concepts.

    Each sample shifts a random half of the concepts, or sets those that are there or not to 0 or
    1; what they cause follows through the oracle's SCM layer. The model regresses the target's
    logit on where the concepts then *are*, so that ``importance`` is the logit that one unit of a
    concept (an sd, or being there) adds by itself, what it causes held; 0 where the lasso leaves
    it out. All images are sampled alike: an image's explanation
    does not depend on the images that it comes with.

    ``what_ifs`` are of all n images: as the twin perceives them, and after do(one step up) and
    do(one step down), or do(1) and do(0), of k concepts (the named ones; without any, the most
    important ones). Pictures of some images are kept.

    ``details`` hold, for the method's own report:

    - ``fidelity`` ``[n]``, the local models' R² on left-out samples, ``intercept`` ``[n]``;
    - ``original`` ``[n, K]``, the probabilities of the images themselves;
    - ``effect`` ``[n, k, 2]``, what the what-ifs add to the target's logit, all consequences
      included.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.4 and appendix 7.
    .. [2] Ribeiro, Singh, Guestrin, "Why should I trust you?", KDD 2016.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        samples
            Perturbed units to each image; twice as many as there are latents at least.
        reach
            Sd of a perturbation, in sds of the concept.
        kernel_width
            How near, in units, samples count; LIME's .75 sqrt(d), times the reach, unless given.
        sparsity
            The lasso's penalty, as a share of the one that leaves out everything.
        step
            How far the counterfactual pairs go, in sds.
        pictures
            For how many images the counterfactual pictures are kept.
        featured
            The concept, there or not, that is shown flipped in several images side by side; the
            one whose do() moves the logits most, unless given.
        """

        samples: int = Field(250, ge=4)
        reach: PositiveFloat = 1.0
        kernel_width: PositiveFloat | None = None
        sparsity: float = Field(0.05, ge=0, lt=1)
        step: PositiveFloat = 1.0
        pictures: NonNegativeInt = 24
        featured: str | None = None

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        space = expect(inputs.need_space(), LatentSpace, type(self).__name__)
        asked = _Asked(
            expect(inputs.need_oracle(), TwinOracle, type(self).__name__),
            space.encode(images),
            target,
            space.unit_,
            space.boolean_,
        )
        models = self._local_models(asked, inputs)
        importance = np.stack([model.coefficients for model in models])
        contrasted, step = _contrasted(len(space.named_), importance), self.config.step
        pictured = sorted(some_of_each_class(target, self.config.pictures))
        pairs = asked.pairs(contrasted, step, torch.tensor(pictured, dtype=torch.int64))
        details = {
            "fidelity": torch.tensor([model.fidelity for model in models]),
            "intercept": torch.tensor([model.intercept for model in models]),
            "original": inputs.classifier.probabilities(images),
            "effect": asked.effect(pairs),
        }
        names = space.names()
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=names,
            importance=torch.from_numpy(importance).float(),
            what_ifs=pairs.what_ifs(_changes(space, contrasted, step)),
            units=asked.units,
            details={name: tensor.cpu() for name, tensor in details.items()},
            meta={
                "contrasted": [names[index] for index in contrasted],
                "named": len(space.named_),
                "boolean": [space.named_[place] for place in sorted(space.boolean_)],
                "step": step,
                "samples": self.config.samples,
                "reach": self.config.reach,
                **self._feature(space),
            },
        )

    def _feature(self, space: LatentSpace) -> dict[str, str]:
        boolean = [space.named_[place] for place in sorted(space.boolean_)]
        if self.config.featured is None:
            return {}
        if self.config.featured not in boolean:
            raise CapabilityError(
                f"explain.featured is {self.config.featured!r}, which is no concept that is there "
                f"or not{did_you_mean(self.config.featured, boolean)} (these are: "
                f"{', '.join(boolean) or 'none'})"
            )
        return {"featured": self.config.featured}

    def _local_models(self, asked: _Asked, inputs: ExplanationInputs) -> list[LocalModel]:
        """Fit one model an image, each to the same samples of its own surroundings."""
        width = self.config.kernel_width
        if width is None:
            width = 0.75 * self.config.reach * len(asked.unit) ** 0.5
        shifts, chosen = self._samples(len(asked.unit), inputs.rng)
        parts = zip(shifts.split(_SAMPLES_A_QUERY), chosen.split(_SAMPLES_A_QUERY), strict=True)
        with inputs.progress.task("look around the images", len(shifts)) as advance:
            answers = []
            for part in parts:
                chunk = asked.moved(*part)
                answers.append((asked.moves(chunk), asked.logits(chunk)))
                advance(len(chunk))
        moves, response = (
            torch.cat(parts, dim=1).cpu().double().numpy() for parts in zip(*answers, strict=True)
        )
        return [
            LocalModel.fit(x, y, locality(x, width), sparsity=self.config.sparsity)
            for x, y in zip(moves, response, strict=True)
        ]

    def _samples(self, d: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw how far concepts are moved, in units, and which; the first sample moves none."""
        if self.config.samples < 2 * d:
            raise CapabilityError(
                f"{self.config.samples} samples are too few for {d} concepts: "
                f"set explain.samples to {2 * d} or more"
            )
        shape = (self.config.samples, d)
        shifts = self.config.reach * torch.randn(shape, generator=rng)
        chosen = torch.rand(shape, generator=rng) < 0.5
        chosen[0] = False
        return shifts, chosen


@dataclass(frozen=True)
class _Asked:
    """The units that are explained, for a class each, and whom to ask about them."""

    oracle: TwinOracle
    units: Units
    target: Tensor
    unit: Tensor
    boolean: frozenset[int]

    def moved(self, shifts: Tensor, chosen: Tensor) -> Intervention:
        """Return do() of concepts ``chosen`` ``[q, d]``, as far as ``shifts`` say, in units.

        Up or down is all that counts for a concept that is there or not.
        """
        targets = torch.arange(len(self.unit)).where(chosen, torch.tensor(NO_TARGET))
        values = self.units.values.cpu() + (self.unit.cpu() * shifts)[:, None]
        for concept in self.boolean:
            values[..., concept] = (shifts[:, concept, None] > 0).to(values)
        return Intervention.set(targets, values)

    def moves(self, interventions: Intervention) -> Tensor:
        """Return how far each concept then is from its own value, in units, ``[n, q, d]``."""
        states = self.oracle.states(self.units, interventions)
        return ((states - self.units.values) / self.unit).transpose(0, 1)

    def logits(self, interventions: Intervention) -> Tensor:
        """Return the targets' logits, ``[n, q]``."""
        logits = self.oracle.query(self.units, interventions).answer("logits")
        return self._of_target(logits.transpose(0, 1))

    def pairs(self, concepts: Sequence[int], step: float, pictured: Tensor) -> Pairs:
        """Return what counterfactual pairs do to all units, with the pictures of some."""
        perceived = self.oracle.query(self.units, Intervention.none()).answer("logits")[0]
        asked = self._pairs(self.units, concepts, step)
        intervened = _by_pair(self.oracle.query(self.units, asked).answer("logits"))
        return Pairs(perceived, intervened, pictured, *self._pictures(concepts, step, pictured))

    def effect(self, pairs: Pairs) -> Tensor:
        """Return what the pairs add to the target's logit, ``[n, k, 2]``."""
        before = self._of_target(pairs.perceived)[:, None, None]
        return self._of_target(pairs.intervened) - before

    def _pictures(
        self, concepts: Sequence[int], step: float, chosen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the pictures of some units, as perceived and after each intervention."""
        if not len(chosen):
            shape = self.oracle.classifier.image_shape
            return torch.zeros(0, *shape), torch.zeros(0, len(concepts), SIDES, *shape)
        units = self.units[chosen.to(self.units.values.device)]
        as_seen = self.oracle.query(units, Intervention.none(), want=("images",))
        pairs = self.oracle.query(units, self._pairs(units, concepts, step), want=("images",))
        return as_seen.answer("images")[0], _by_pair(pairs.answer("images"))

    def _pairs(self, units: Units, concepts: Sequence[int], step: float) -> Intervention:
        """Return do(up) and do(down), concept by concept."""
        sides = [(concept, sign) for concept in concepts for sign in STEPS]
        targets = torch.tensor([concept for concept, _ in sides])
        values = [
            torch.full((len(units),), float(sign > 0))
            if concept in self.boolean
            else units.values[:, concept].cpu() + step * sign * self.unit[concept].cpu()
            for concept, sign in sides
        ]
        return Intervention.set(targets[:, None], torch.stack(values)[..., None])

    def _of_target(self, logits: Tensor) -> Tensor:
        """Pick the target of each unit from logits ``[n, ..., K]``."""
        shape = (-1, *(1 for _ in logits.shape[1:]))
        index = self.target.to(logits.device).view(shape).expand(*logits.shape[:-1], 1)
        return logits.gather(-1, index)[..., 0]


def _changes(space: LatentSpace, concepts: Sequence[int], step: float) -> list[Change]:
    """Return what the pairs do, up and down, concept by concept."""
    names, changes = space.names(), []
    for concept in concepts:
        name = names[concept]
        if concept in space.boolean_:
            changes.append(Change(name, Action.SET, 1.0, name))
            changes.append(Change(name, Action.SET, 0.0, f"not {name}"))
            continue
        for sign, mark in zip(STEPS, ("+", "\N{MINUS SIGN}"), strict=True):
            amount = sign * step * float(space.unit_[concept])
            words = f"{name} {mark}{step:g}\N{NO-BREAK SPACE}sd"
            changes.append(Change(name, Action.SHIFT, amount, words))
    return changes


def _by_pair(answers: Tensor) -> Tensor:
    """Turn answers ``[2 k, n, ...]`` into ``[n, k, 2, ...]``."""
    pairs: Tensor = answers.unflatten(0, (-1, SIDES))
    return pairs.movedim(2, 0)


def _contrasted(named: int, importance: NDArray[np.float64]) -> list[int]:
    """Return the named concepts; without any, those that matter most over all images."""
    if named:
        return list(range(named))
    strongest = np.argsort(-np.abs(importance).mean(axis=0), kind="stable")
    return sorted(int(index) for index in strongest[:_STAND_INS])
