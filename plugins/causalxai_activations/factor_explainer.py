"""The explainer: how much each factor matters, and where it is in the image."""

from __future__ import annotations

import torch
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn import functional

from causalxai.capabilities import Capability, expect
from causalxai.concept import Units
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle
from causalxai.plugin import PluginConfig
from causalxai_activations.factor_space import MAPS, FactorSpace
from causalxai_activations.sobol import Game, total_variances

_AT_ONCE = 64
_VARIANCE_OF_A_SHARE = 1 / 12

TOTAL_INDEX, REMOVAL = "total index", "removal"
"""The names in ``Explanation.details`` of two measures of each factor in each image."""


class FactorExplainer(Explainer):
    """Explains logits by factors of activations, and where in the image these are [1]_.

    Each factor of an image is scaled by a random share between 0 and 1, independently of the
    others. The total variance of a factor is the variance of the logit that it takes part in, alone
    or together with others; its share of all variance is Sobol's total index, the paper's
    importance. ``importance`` puts this on the scale of the logit: it is the root of twelve times
    the total variance, with the sign of what the factor adds as it stands (the logit minus the
    logit without the factor). Of a logit that is linear in the factors, it is exactly that.

    The map ``concepts`` adds up the factors' coefficients in each place, each factor with its
    importance; its mean in the layer is the sum of the importances of the factors that are there.

    ``details`` hold ``total index`` and ``removal``, each ``[n, k]``.

    References
    ----------
    .. [1] Fel et al., "CRAFT: Concept recursive activation factorization for explainability", CVPR
       2023, sections 3.2 and 3.3. The maps of concepts are the coefficients in each place, resized,
       and not the paper's gradients through the factorisation.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})
    space_kind = FactorSpace

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        designs
            The number of random shares of each factor, a power of two; an image takes ``designs *
            (factors + 2)`` answers.
        """

        designs: int = Field(default=32, ge=2, le=4096)

        @field_validator("designs")
        @classmethod
        def _is_a_power_of_two(cls, designs: int) -> int:
            if designs.bit_count() != 1:
                raise ValueError(f"the number of designs must be a power of two, not {designs}")
            return designs

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = inputs.need_oracle()
        space = expect(inputs.need_space(), FactorSpace, "craft")
        units = space.encode(images)
        k = units.values.shape[1]
        total, variance = total_variances(
            _shares_of(oracle, units, target), k, designs=self.config.designs, rng=inputs.rng
        )
        removal = _removal(oracle, units, target)
        importance = (total / _VARIANCE_OF_A_SHARE).sqrt().float() * removal.sign()
        moves = variance > 0
        index = torch.where(moves[:, None], total / variance.where(moves, 1.0)[:, None], 0.0)
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=space.names(),
            importance=importance,
            maps={"concepts": _map(units, importance, images.shape[2:])},
            units=units,
            details={TOTAL_INDEX: index.float(), REMOVAL: removal},
            meta={"designs": self.config.designs},
        )


def _shares_of(oracle: Oracle, units: Units, target: Tensor) -> Game:
    """Return the logits when each factor is scaled by a share."""
    places = torch.arange(units.values.shape[1])
    own = units.values.cpu()

    def logits(shares: Tensor) -> Tensor:
        answers = []
        for some in shares.split(_AT_ONCE):
            done = Intervention.set(places.expand(len(some), -1), some[:, None] * own)
            answers.append(oracle.query(units, done).of_class(target).cpu())
        return torch.cat(answers)

    return logits


def _removal(oracle: Oracle, units: Units, target: Tensor) -> Tensor:
    """Return what each factor adds to the logit as it stands, ``[n, k]``."""
    with_all = oracle.query(units, Intervention.none()).of_class(target)
    places = torch.arange(units.values.shape[1])
    return (with_all - oracle.query(units, Intervention.ablate(places)).of_class(target)).T.cpu()


def _map(units: Units, importance: Tensor, size: torch.Size) -> Tensor:
    """Return the factors' coefficients, weighted by their importance, ``[n, *size]``."""
    maps, means = units.residual[MAPS].cpu(), units.values.cpu()
    weight = torch.where(means > 0, importance / means.where(means > 0, torch.tensor(1.0)), 0.0)
    coarse = (weight[..., None, None] * maps).sum(dim=1, keepdim=True)
    return functional.interpolate(coarse, size=tuple(size), mode="bilinear", align_corners=False)[
        :, 0
    ]
