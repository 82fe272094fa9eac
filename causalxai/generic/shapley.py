"""Shapley values over concepts: what each adds to a logit, on average over all orders."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import scipy
import torch
from pydantic import Field, NonNegativeInt
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units, unit_changes
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.scope import Scope, ScopeConfig, choose
from causalxai.generic.what_ifs import unit_what_ifs
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import Oracle

MOST_EXACT = 10
"""How many concepts have exact values; with more, orders are sampled."""

_COALITIONS_AT_ONCE = 128

Game = Callable[[Tensor], Tensor]
"""Takes coalitions ``[q, m]``, bool, and returns what they are worth in each unit, ``[q, n]``."""


@dataclass(frozen=True)
class ShapleyValues:
    """Values of ``m`` players in ``n`` games, float64.

    Parameters
    ----------
    values
        ``[n, m]``.
    half_width
        ``[n, m]``, half of a 95 % interval over sampled orders; 0 where values are exact.
    """

    values: Tensor
    half_width: Tensor


def exact_shapley_values(game: Game, players: int) -> ShapleyValues:
    """Return the Shapley values from the worth of all ``2 ** m`` coalitions.

    Notes
    -----
    Source: Shapley, "A value for n-person games", 1953, equation 12.
    """
    index = torch.arange(2**players)
    members = (index[:, None] >> torch.arange(players)) & 1 == 1
    worth = game(members).double()
    size = members.sum(dim=1)
    weights = torch.tensor(
        [
            math.factorial(s) * math.factorial(players - s - 1) / math.factorial(players)
            for s in range(players)
        ],
        dtype=torch.float64,
    )
    values = []
    for player in range(players):
        without = index[~members[:, player]]
        gain = worth[without + 2**player] - worth[without]
        values.append(weights[size[without]] @ gain)
    found = torch.stack(values, dim=1)
    return ShapleyValues(found, torch.zeros_like(found))


def sampled_shapley_values(
    game: Game, players: int, *, orders: int, rng: torch.Generator
) -> ShapleyValues:
    """Return the mean gain when players join in random orders, each order once backwards as well.

    Parameters
    ----------
    game
        The game; it is evaluated for ``2 m`` coalitions for each order.
    players
        The number of players, m.
    orders
        The number of random orders, at least 2.
    rng
        The generator of the orders.

    Notes
    -----
    Source: Mitchell, Cooper, Frank, Holmes, "Sampling permutations for Shapley value
    estimation", JMLR 2022, section 3.2 (antithetic sampling).
    """
    rows = []
    for _ in range(orders):
        order = torch.randperm(players, generator=rng)
        pair = [_gains(game, one) for one in (order, order.flip(0))]
        rows.append((pair[0] + pair[1]) / 2)
    gains = torch.stack(rows)
    reach = float(scipy.stats.t.ppf(0.975, orders - 1)) / math.sqrt(orders)
    return ShapleyValues(gains.mean(dim=0), reach * gains.std(dim=0))


def _gains(game: Game, order: Tensor) -> Tensor:
    """Return what each player adds when they join in one order, ``[n, m]``."""
    joined = order.argsort()
    # Row s has the first s of the order: [m + 1, m].
    members = joined[None] < torch.arange(len(order) + 1)[:, None]
    worth = game(members).double()
    return (worth[1:] - worth[:-1])[joined].T


class Shapley(Explainer):
    """Shapley values of concepts, where the game is played by interventions.

    The concepts of a coalition keep their values, and all others are changed by one unit:
    continuous ones are set one standard deviation lower, boolean ones flipped, parameters removed.
    The worth of the coalition is the target's logit in the oracle's answer, including the
    consequences of the changes. ``importance`` adds up to the original logit minus the logit with
    all concepts changed.

    Exact for up to ten concepts. With more, random orders are drawn, and the 95 % interval over
    these is in ``details`` as ``low`` and ``high``, each ``[n, m]``; an order takes two
    interventions for each concept and image.

    References
    ----------
    .. [1] Shapley, "A value for n-person games", 1953.
    .. [2] Heskes, Sijben, Bucur, Claassen, "Causal Shapley values", NeurIPS 2020.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(ScopeConfig):
        """Settings, beside ``layers`` and ``most``.

        Parameters
        ----------
        orders
            How many random orders, where there are more than ten concepts.
        pictures
            For how many images the pictures of changed concepts are kept, where there are any.
        """

        orders: int = Field(default=32, ge=2)
        pictures: NonNegativeInt = 24

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = inputs.need_oracle()
        units = oracle.space.encode(images)
        scope = choose(oracle, units, target, self.config)
        game, m = _game(oracle, units, target, scope), len(scope.places)
        exact = m <= MOST_EXACT
        found = (
            exact_shapley_values(game, m)
            if exact
            else sampled_shapley_values(game, m, orders=self.config.orders, rng=inputs.rng)
        )
        importance = found.values.float()
        what_ifs = unit_what_ifs(
            oracle, units, target, scope, importance, most=self.config.pictures, up=False
        )
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=scope.names,
            importance=importance,
            what_ifs=what_ifs,
            units=units,
            details={
                "low": (found.values - found.half_width).float(),
                "high": (found.values + found.half_width).float(),
            },
            meta={**scope.summary(), "exact": exact, "orders": 0 if exact else self.config.orders},
        )


def _game(oracle: Oracle, units: Units, target: Tensor, scope: Scope) -> Game:
    """Return the game whose coalitions are the concepts that are left as they are."""
    places = scope.places
    changed = unit_changes(scope.concepts, units.values[:, places], up=False).set_to

    def worth(members: Tensor) -> Tensor:
        answers = []
        for some in members.split(_COALITIONS_AT_ONCE):
            targets = places.where(~some, torch.tensor(NO_TARGET))
            done = Intervention.set(targets, changed.expand(len(some), -1, -1))
            answers.append(oracle.query(units, done).of_class(target).cpu())
        return torch.cat(answers)

    return worth
