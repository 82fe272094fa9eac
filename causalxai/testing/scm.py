"""A linear Gaussian structural causal model, all of whose answers are known in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.graph import CausalGraph
from causalxai.intervention import Intervention
from causalxai.short_repr import short_repr


@dataclass(frozen=True)
class LinearScm:
    """``c_j = sum_i A[i, j] c_i + u_j``, each ``u_j`` standard normal and independent.

    Parameters
    ----------
    weights
        The matrix A, ``[d, d]``; ``A[i, j] != 0`` means i → j.
    names
        Of the ``d`` variables.

    Raises
    ------
    ValueError
        If A has a cycle.
    """

    weights: Tensor
    names: tuple[str, ...]

    __repr__ = short_repr

    def __post_init__(self) -> None:
        self.graph()

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw ``n`` individuals, ``[n, d]``."""
        noise = torch.randn(n, len(self.names), generator=rng)
        return noise.to(self.weights) @ self.total_effects()

    def total_effects(self) -> Tensor:
        """Return ``(I - A)^-1``: entry [i, j] is what one more unit of i adds to j."""
        identity = torch.eye(len(self.names)).to(self.weights)
        total: Tensor = torch.linalg.inv(identity - self.weights)
        return total

    def counterfactual(self, values: Tensor, interventions: Intervention) -> Tensor:
        """Return what the variables of each individual would have been.

        Parameters
        ----------
        values
            ``[n, d]``, the individuals as they are.
        interventions
            ``q`` interventions on them.

        Returns
        -------
        Tensor
            ``[q, n, d]``.
        """
        noise = values - values @ self.weights  # abduction
        nothing = values.new_zeros(1, len(self.names))
        held = Intervention.set(interventions.targets, 1.0).apply(nothing).bool()  # action
        done = after = interventions.apply(values)
        for _ in self.names:  # prediction: each round settles one more generation
            after = torch.where(held, done, after @ self.weights + noise)
        return after

    def graph(self) -> CausalGraph:
        """Return the causal graph; an edge's weight is the direct effect."""
        return CausalGraph.from_adjacency(self.weights.cpu().double().numpy(), self.names)
