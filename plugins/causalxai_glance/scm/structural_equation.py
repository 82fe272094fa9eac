"""The structural equation of a continuous concept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalxai_glance.scm.basis import Basis
from causalxai_glance.scm.links import Link
from causalxai_glance.scm.noise import Noise

Values = NDArray[np.float64]


@dataclass(frozen=True)
class StructuralEquation:
    """The equation ``g(child) = intercept + sum of f_j(parent_j) + noise``, with g increasing.

    Parameters
    ----------
    child, parents
        Columns; the parents are in ascending order.
    link
        g, in the child's own unit.
    intercept
        In the link's space.
    bases, coefficients
        One of each per parent: ``f_j`` is the basis' functions weighted by the coefficients.
    noise
        The distribution of the noise, with mean 0, in the link's space.
    score
        Description length of the child given its parents, in nats, the child standardised.
    """

    child: int
    parents: tuple[int, ...]
    link: Link
    intercept: float
    bases: tuple[Basis, ...]
    coefficients: tuple[tuple[float, ...], ...]
    noise: Noise
    score: float

    @property
    def parameters(self) -> int:
        """The number of free parameters that were fitted."""
        return self.link.parameters + self.noise.parameters + sum(b.size for b in self.bases)

    def linear(self, parents: ArrayLike) -> Values:
        """Return the child without noise in the link's space, ``[...]`` for ``[..., p]``."""
        x = np.asarray(parents, dtype=np.float64)
        y = np.full(x.shape[:-1], self.intercept)
        for column, (basis, weights) in enumerate(zip(self.bases, self.coefficients, strict=True)):
            y += basis.columns(x[..., column]) @ np.asarray(weights)
        return y

    def predict_mean(self, parents: ArrayLike) -> Values:
        """Return the child without noise, in its own unit.

        Parameters
        ----------
        parents
            ``[..., p]``, in the order of ``self.parents``.

        Returns
        -------
        ndarray
            ``[...]``: the child's mean for the identity link, the value of mean ``g`` otherwise.
        """
        return self.link.inverse(self.linear(parents))

    def abduct(self, values: ArrayLike) -> Values:
        """Return the noise of units, by abduction.

        Parameters
        ----------
        values
            ``[..., d]`` of all columns. A child beyond a bound of the link is moved just inside it.

        Returns
        -------
        ndarray
            ``[...]``, in the link's space.
        """
        x = np.asarray(values, dtype=np.float64)
        mapped = self.link.forward(x[..., self.child])
        return np.asarray(mapped - self.linear(x[..., list(self.parents)]), dtype=np.float64)

    def predict(self, parents: ArrayLike, noise: ArrayLike) -> Values:
        """Return the child from its parents ``[..., p]`` and its noise ``[...]``."""
        return self.link.inverse(self.linear(parents) + np.asarray(noise, dtype=np.float64))

    def to_json(self) -> dict[str, Any]:
        """Return the equation as plain JSON."""
        return {
            "child": self.child,
            "parents": [*self.parents],
            "link": self.link.to_json(),
            "intercept": self.intercept,
            "bases": [basis.to_json() for basis in self.bases],
            "coefficients": [[*weights] for weights in self.coefficients],
            "noise": self.noise.to_json(),
            "score": self.score,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """Return the equation that ``to_json`` described."""
        return cls(
            record["child"],
            tuple(record["parents"]),
            Link.from_json(record["link"]),
            record["intercept"],
            tuple(map(Basis.from_json, record["bases"])),
            tuple(map(tuple, record["coefficients"])),
            Noise.from_json(record["noise"]),
            record["score"],
        )
