"""Mechanisms of concepts: additive noise around a smooth function of the causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import networkx as nx
import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from torch import Tensor

from causalxai.errors import CapabilityError, did_you_mean

_KNOTS = 10
_PENALTIES = tuple(np.logspace(-6, 2, 9).tolist())


@dataclass(frozen=True)
class Mechanism:
    """How one concept follows from its causes, up to its noise.

    A sum of piecewise linear functions of the causes. Beyond the labels that it was fitted to, it
    continues straight.

    Parameters
    ----------
    causes
        The indices of the causes.
    knots
        ``[causes, knots]``, in the causes' values; the first and the last are the least and the
        largest of them.
    weights
        ``[causes, knots - 1]``, of the value and of its excess over each inner knot.
    """

    causes: tuple[int, ...]
    knots: Tensor
    weights: Tensor

    @classmethod
    def fitted(cls, concepts: Tensor, effect: int, causes: Sequence[int]) -> Self:
        """Regress one column of ``[n, k]`` on others."""
        values = concepts.double()
        shares = torch.linspace(0, 1, _KNOTS).double()
        knots = torch.stack([values[:, cause].quantile(shares) for cause in causes])
        design = _design(values[:, list(causes)], knots)
        spread = design.std(dim=0).clamp(min=1e-12)
        found = RidgeCV(alphas=_PENALTIES).fit((design / spread).numpy(), values[:, effect].numpy())
        weights = (torch.from_numpy(found.coef_) / spread).unflatten(0, (len(causes), -1))
        return cls(tuple(causes), knots, weights)

    def __call__(self, concepts: Tensor) -> Tensor:
        """Return the effect ``[...]`` of concepts ``[..., k]``, up to a constant."""
        causes = concepts[..., list(self.causes)].double()
        result = _design(causes, self.knots.to(causes.device)) @ self.weights.flatten().to(
            causes.device
        )
        return result.to(concepts.dtype)


@dataclass(frozen=True)
class Mechanisms:
    """The mechanisms of all concepts that have causes.

    Parameters
    ----------
    of
        By the index of a concept, its mechanism; causes come before their effects.
    """

    of: Mapping[int, Mechanism]

    @classmethod
    def fitted(
        cls, concepts: Tensor, names: Sequence[str], causes: Mapping[str, Sequence[str]]
    ) -> Self:
        """Fit the mechanisms that a graph asks for to labels ``[n, k]``."""
        order = causal_order(names, causes)
        places = {name: place for place, name in enumerate(names)}
        return cls(
            {
                places[name]: Mechanism.fitted(
                    concepts, places[name], [places[cause] for cause in causes[name]]
                )
                for name in order
                if causes.get(name)
            }
        )

    def follow(self, before: Tensor, after: Tensor, was_set: Tensor) -> Tensor:
        """Let the consequences of an intervention follow, with each individual's own noise.

        Parameters
        ----------
        before
            ``[..., k]``, the concepts' values before it.
        after
            ``[..., k]``, the same with the concepts that were set.
        was_set
            ``[..., k]``, bool, which these are.

        Returns
        -------
        Tensor
            ``[..., k]``; a concept whose causes did not change keeps its value exactly.
        """
        result = after.clone()
        for place, mechanism in self.of.items():
            shift = mechanism(result) - mechanism(before)
            follows = ~was_set[..., place]
            result[..., place] = torch.where(
                follows, before[..., place] + shift, result[..., place]
            )
        return result

    def tensors(self) -> dict[str, Tensor]:
        """Return all parts by name, for a record."""
        found = {}
        for place, one in self.of.items():
            found[f"{place}.causes"] = torch.tensor(one.causes)
            found[f"{place}.knots"], found[f"{place}.weights"] = one.knots, one.weights
        return found

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], order: Sequence[int]) -> Self:
        """Undo ``tensors``; ``order`` is that of the keys of ``of``."""
        return cls(
            {
                place: Mechanism(
                    tuple(tensors[f"{place}.causes"].tolist()),
                    tensors[f"{place}.knots"],
                    tensors[f"{place}.weights"],
                )
                for place in order
            }
        )


def causal_order(names: Sequence[str], causes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the concepts in an order in which causes come first.

    Raises
    ------
    CapabilityError
        If the graph names other concepts, or has a cycle.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    for effect, of in causes.items():
        for name in (effect, *of):
            if name not in names:
                raise CapabilityError(
                    f"concepts.causes: there is no concept {name!r}{did_you_mean(name, names)} "
                    f"(there are: {', '.join(names) or 'none'})"
                )
        graph.add_edges_from((cause, effect) for cause in of)
    try:
        return list(nx.lexicographical_topological_sort(graph))
    except nx.NetworkXUnfeasible as error:
        cycle = " → ".join(edge[0] for edge in nx.find_cycle(graph))
        raise CapabilityError(f"concepts.causes: {cycle} is a cycle") from error


def _design(causes: Tensor, knots: Tensor) -> Tensor:
    """Return the terms of the sums, ``[..., causes * (knots - 1)]``."""
    excess = (causes[..., None] - knots[:, 1:-1]).clamp(min=0)
    return torch.cat([causes[..., None], excess], dim=-1).flatten(-2)
