"""Local explanations: LIME on aligned latents, with effects by the SCM layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveFloat
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.concept import Units
from causalxai.dataset import Dataset, some_of_each_class
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.concept_lime import LimeConfig, Surroundings
from causalxai.intervention import Action, Intervention
from causalxai.oracle import Response
from causalxai.what_if import Change
from causalxai_glance.concept_labels import boolean_concepts
from causalxai_glance.latent_space import LatentSpace
from causalxai_glance.pairs import SIDES, Pairs
from causalxai_glance.twin_oracle import TwinOracle

STEPS = (1.0, -1.0)
"""The steps of a counterfactual pair: up, then down; for boolean concepts do(1), then do(0)."""

_STAND_INS = 3


class GlanceExplainer(Explainer):
    """Fits a sparse linear model to the logit around each image, and answers what-ifs.

    Each sample shifts a random half of the concepts, or sets boolean ones to 0 or 1, and their
    effects follow by the oracle's SCM layer. The model regresses the target's logit on the
    resulting values of the concepts, so that ``importance`` is the change of the logit by one unit
    of a concept (an sd, or presence) alone, with its effects held; it is 0 for concepts that the
    lasso leaves out. All images have the same samples, so that an image's explanation does not
    depend on the other images.

    ``what_ifs`` are of all n images: the twin's reconstruction, and the answers to do(one step up)
    and do(one step down), or do(1) and do(0), of k concepts (the named ones, or if there are none,
    the most important ones). Pictures of some images are kept.

    ``details`` hold, for the method's own report:

    - ``fidelity`` ``[n]``, the local models' R² on left-out samples, ``intercept`` ``[n]``; -
    ``original`` ``[n, K]``, the probabilities of the images themselves; - ``effect`` ``[n, k, 2]``,
    the changes of the target's logit by the what-ifs, including all consequences.

    References
    ----------
    .. [1] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.4 and appendix 7.
    .. [2] Ribeiro, Singh, Guestrin, "Why should I trust you?", KDD 2016.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE, Capability.IMAGES})
    space_kind = LatentSpace
    oracle_kind = TwinOracle

    class Config(LimeConfig):
        """Settings, in addition to those of the local models.

        Parameters
        ----------
        step
            The size of a step of the counterfactual pairs, in sds.
        pictures
            The number of images for which counterfactual pictures are kept.
        featured
            The boolean concept that is shown flipped in several images side by side; by default the
            one whose do() moves the logits most.
        """

        step: PositiveFloat = 1.0
        pictures: NonNegativeInt = 24
        featured: str | None = None

    config: Config

    def check_size(self, concepts: int) -> None:
        """Check that there are enough samples for that many concepts."""
        self.config.check_size(concepts)

    def check_dataset(self, dataset: Dataset) -> None:
        """Check that ``featured`` is a boolean concept."""
        self._check_featured(boolean_concepts(dataset))

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        space = expect(inputs.need_space(), LatentSpace, type(self).__name__)
        asked = _Asked(
            expect(inputs.need_oracle(), TwinOracle, type(self).__name__),
            space.encode(images),
            target,
            space.unit_,
            space.boolean_,
        )
        every = torch.arange(len(space.concepts))
        around = Surroundings(asked.oracle, asked.units, target, every, space.unit_)
        models = around.local_models(self.config, inputs.rng, inputs.progress)
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
        if self.config.featured is None:
            return {}
        self._check_featured([space.named_[place] for place in sorted(space.boolean_)])
        return {"featured": self.config.featured}

    def _check_featured(self, boolean: Sequence[str]) -> None:
        if self.config.featured is not None and self.config.featured not in boolean:
            raise CapabilityError(
                f"explain.featured is {self.config.featured!r}, which is not a boolean "
                f"concept{did_you_mean(self.config.featured, boolean)} (these are: "
                f"{', '.join(boolean) or 'none'})"
            )


@dataclass(frozen=True)
class _Asked:
    """The explained units and their classes, with the oracle and the space."""

    oracle: TwinOracle
    units: Units
    target: Tensor
    unit: Tensor
    boolean: frozenset[int]

    def pairs(self, concepts: Sequence[int], step: float, pictured: Tensor) -> Pairs:
        """Return the answers to counterfactual pairs for all units, with the pictures of some."""
        perceived = self.oracle.query(self.units, Intervention.none()).answer("logits")[0]
        asked = self._pairs(self.units, concepts, step)
        intervened = _by_pair(self.oracle.query(self.units, asked).answer("logits"))
        return Pairs(perceived, intervened, pictured, *self._pictures(concepts, step, pictured))

    def effect(self, pairs: Pairs) -> Tensor:
        """Return the changes of the target's logit by the pairs, ``[n, k, 2]``."""
        after = Response(logits=pairs.intervened.movedim(0, 2).flatten(0, 1))
        before = Response(logits=pairs.perceived[None])
        return _by_pair(after.of_class(self.target) - before.of_class(self.target))

    def _pictures(
        self, concepts: Sequence[int], step: float, chosen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return pictures of some units: reconstructions, and those after each intervention."""
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


def _changes(space: LatentSpace, concepts: Sequence[int], step: float) -> list[Change]:
    """Return the changes of the pairs, up and down, concept by concept."""
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
    """Reshape answers ``[2 k, n, ...]`` to ``[n, k, 2, ...]``."""
    pairs: Tensor = answers.unflatten(0, (-1, SIDES))
    return pairs.movedim(2, 0)


def _contrasted(named: int, importance: NDArray[np.float64]) -> list[int]:
    """Return the named concepts, or if there are none, the most important ones over all images."""
    if named:
        return list(range(named))
    strongest = np.argsort(-np.abs(importance).mean(axis=0), kind="stable")
    return sorted(int(index) for index in strongest[:_STAND_INS])
