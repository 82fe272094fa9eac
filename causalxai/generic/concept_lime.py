"""LIME on concepts: a sparse linear model of the logit around each image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field, NonNegativeInt, PositiveFloat
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units, alike, unit_changes
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.local_model import LocalModel, locality
from causalxai.generic.scope import ScopeConfig, choose
from causalxai.generic.unit_effects import concepts_at
from causalxai.generic.what_ifs import unit_what_ifs
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai.progress import Progress
from causalxai.short_repr import short_repr

_SAMPLES_A_QUERY = 32


class LimeConfig(PluginConfig):
    """Settings of the local models.

    Parameters
    ----------
    samples
        Perturbed units to each image; twice as many as there are concepts at least.
    reach
        Sd of a perturbation, in units of the concept.
    kernel_width
        How near, in units, samples count; LIME's .75 sqrt(d), times the reach, unless given.
    sparsity
        The lasso's penalty, as a share of the one that leaves out everything.
    """

    samples: int = Field(250, ge=4)
    reach: float = Field(1.0, ge=1e-3, le=1e3)
    kernel_width: PositiveFloat | None = None
    sparsity: float = Field(0.05, ge=0, lt=1)

    def check_size(self, d: int) -> None:
        """Raise CapabilityError if the samples are too few for ``d`` concepts."""
        if self.samples < 2 * d:
            raise CapabilityError(
                f"{self.samples} samples are too few for {d} concepts: "
                f"set explain.samples to {2 * d} or more"
            )

    def draw(self, d: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw how far concepts are moved, in units, and which; the first sample moves none.

        Returns
        -------
        tuple
            ``[samples, d]`` float32, and bool.

        Raises
        ------
        CapabilityError
            If the samples are too few for ``d`` concepts.
        """
        self.check_size(d)
        shape = (self.samples, d)
        shifts = self.reach * torch.randn(shape, generator=rng)
        chosen = torch.rand(shape, generator=rng) < 0.5
        chosen[0] = False
        return shifts, chosen


@dataclass(frozen=True)
class Surroundings:
    """The units that are explained, for a class each, and the concepts that are moved.

    Parameters
    ----------
    oracle
        Any bound oracle.
    units, target
        ``n`` individuals and the class ``[n]`` of each.
    places
        ``[m]``, the concepts by their places.
    unit
        ``[m]``, positive: what one unit of a move is, in each concept's own values.
    """

    oracle: Oracle
    units: Units
    target: Tensor
    places: Tensor
    unit: Tensor

    __repr__ = short_repr

    def local_models(
        self, config: LimeConfig, rng: torch.Generator, progress: Progress
    ) -> list[LocalModel]:
        """Fit one model an image, each to the same samples of its own surroundings."""
        width = config.kernel_width
        if width is None:
            width = 0.75 * config.reach * len(self.unit) ** 0.5
        shifts, chosen = config.draw(len(self.unit), rng)
        parts = zip(shifts.split(_SAMPLES_A_QUERY), chosen.split(_SAMPLES_A_QUERY), strict=True)
        with progress.task("look around the images", len(shifts)) as advance:
            answers = []
            for part in parts:
                chunk = self.moved(*part)
                logits = self.oracle.query(self.units, chunk).of_class(self.target).T
                answers.append((self.moves(chunk), logits))
                advance(len(chunk))
        moves, response = (
            torch.cat(parts, dim=1).cpu().double().numpy() for parts in zip(*answers, strict=True)
        )
        return [
            LocalModel.fit(x, y, locality(x, width), sparsity=config.sparsity)
            for x, y in zip(moves, response, strict=True)
        ]

    def moved(self, shifts: Tensor, chosen: Tensor) -> Intervention:
        """Return do() of concepts ``chosen`` ``[q, m]``, as far as ``shifts`` say, in units.

        Up or down is all that counts for a concept that is boolean or a parameter.
        """
        targets = self.places.where(chosen, torch.tensor(NO_TARGET))
        own = self.units.values[:, self.places].cpu()
        amounts = (self.unit.cpu() * shifts)[:, None]
        values = own.expand(len(shifts), -1, -1).clone()  # [q, n, m]
        for concept, columns in alike(concepts_at(self.oracle, self.places)):
            values[..., columns] = concept.moved(own[:, columns], amounts[..., columns])
        return Intervention.set(targets, values)

    def claimed(self) -> Tensor:
        """Return by what coefficients are multiplied to say what each concept supports, [n, m].

        1, but -1 for a boolean concept that is 0: it takes away what its presence would add.
        """
        own = self.units.values[:, self.places]
        change = unit_changes(concepts_at(self.oracle, self.places), own)
        moved = change.share != 0
        share = torch.where(moved, change.share, 1.0)
        return torch.where(moved, (change.set_to - own) / self.unit / share, 1.0)

    def moves(self, interventions: Intervention) -> Tensor:
        """Return how far each concept then is from its own value, in units, ``[n, q, m]``."""
        states = self.oracle.states(self.units, interventions)[..., self.places]
        return ((states - self.units.values[:, self.places]) / self.unit).transpose(0, 1)


class ConceptLime(Explainer):
    """Fits a sparse linear model to the logit around each image.

    Each sample moves a random half of the concepts: continuous ones by a normal number of
    standard deviations, boolean ones to 0 or 1, parameters to removed or intact. What they cause
    follows through the oracle. The model regresses the target's logit on where the concepts then
    *are*, as far as the oracle knows (``Oracle.states``), so that ``importance`` is the logit that
    one unit of a concept adds by itself, what it causes held; 0 where the lasso leaves it out. All
    images are sampled alike: an image's explanation does not depend on the images that it comes
    with.

    ``details`` hold ``fidelity`` ``[n]``, the local models' R² on left-out samples, and
    ``intercept`` ``[n]``.

    References
    ----------
    .. [1] Ribeiro, Singh, Guestrin, "Why should I trust you?", KDD 2016.
    .. [2] Kori, Glocker, Toni, "GLANCE: Global to local architecture-neutral concept-based
       explanations", arXiv 2207.01917, section 3.4.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(LimeConfig, ScopeConfig):
        """Settings, beside those of the local models and ``layers`` and ``most``.

        Parameters
        ----------
        pictures
            For how many images the pictures of changed concepts are kept, where there are any.
        """

        pictures: NonNegativeInt = 24

    config: Config

    def check_size(self, concepts: int) -> None:
        """Check that there are enough samples; how many concepts ``layers`` leave is not known."""
        if self.config.layers is None:
            self.config.check_size(min(concepts, self.config.most))

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = inputs.need_oracle()
        units = oracle.space.encode(images)
        scope = choose(oracle, units, target, self.config)
        # A concept that never varies has no unit of its own; any will do.
        scale = torch.tensor([concept.scale or 1.0 for concept in scope.concepts])
        around = Surroundings(oracle, units, target, scope.places, scale.to(units.values))
        models = around.local_models(self.config, inputs.rng, inputs.progress)
        coefficients = np.stack([model.coefficients for model in models])
        importance = torch.from_numpy(coefficients).float() * around.claimed().cpu()
        most = self.config.pictures
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=scope.names,
            importance=importance,
            what_ifs=unit_what_ifs(oracle, units, target, scope, importance, most=most),
            units=units,
            details={
                "fidelity": torch.tensor([model.fidelity for model in models]),
                "intercept": torch.tensor([model.intercept for model in models]),
            },
            meta={**scope.summary(), "samples": self.config.samples, "reach": self.config.reach},
        )
