"""How far labels can tell the directions of TSWI at all, by a calculation and not by a search.

    python benchmarks/direction_limit.py [--labels 5000] [--samples 1000000]

The scenario's equations are known, and so is the joint density of its four concepts. For each order
of them the script takes the best model with additive noise in which every concept may depend on all
that come before it: its mean given them, by integration of the true density, and the entropy of
what remains. The sum of these entropies, less that of the true model, is what a label costs on
average under the wrong order, in nats. A method that compares models with additive noise cannot
prefer the truth by more than that times the number of labels, however good its regressions are. (A
function other than the mean could fit a wrong order slightly better, so that the true costs are
smaller, never larger.)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates
from scipy.stats import differential_entropy, gamma, norm

Array = npt.NDArray[np.float64]

NAMES = ("thickness", "slant", "width", "intensity")
_LOW = (0.5, -45.0, -12.0, 40.0)
_HIGH = (7.5, 75.0, 30.0, 280.0)
_POINTS = (72, 96, 160, 112)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def means(t: Array, s: Array, w: Array) -> tuple[Array, Array, Array]:
    """Return the means of slant, width and intensity given their causes."""
    return (
        12 * (t - 2.5),
        4 + 15 * _sigmoid(0.5 * t) - 0.25 * s,
        64 + 191 * _sigmoid((w - 15.5) / 2),
    )


_SD = (3.0, 1.0, 4.0)
"""The standard deviations of the noise of slant, width and intensity."""
_THICKNESS = gamma(10, loc=0.5, scale=1 / 5)


def drawn(count: int, rng: np.random.Generator) -> Array:
    """Return ``[4, count]``, concepts of as many individuals."""
    t = _THICKNESS.rvs(count, random_state=rng)
    noise = rng.standard_normal((3, count)) * np.array(_SD)[:, None]
    s = means(t, t, t)[0] + noise[0]
    w = means(t, s, t)[1] + noise[1]
    return np.stack([t, s, w, means(t, s, w)[2] + noise[2]])


@dataclass(frozen=True)
class Density:
    """The joint density on a grid.

    Parameters
    ----------
    axes
        The values of each concept.
    mass
        ``[t, s, w, i]``, the density at each point, up to a factor.
    """

    axes: tuple[Array, ...]
    mass: npt.NDArray[np.float32]

    @classmethod
    def of_the_scenario(cls, points: Sequence[int] = _POINTS) -> Density:
        """Return the density of TSWI at so many values of each concept."""
        axes = tuple(np.linspace(*ends) for ends in zip(_LOW, _HIGH, points, strict=True))
        t, s, w, i = np.ix_(*axes)
        mean_s, mean_w, mean_i = means(t, s, w)
        causes = _THICKNESS.pdf(t) * norm.pdf(s, mean_s, _SD[0]) * norm.pdf(w, mean_w, _SD[1])
        mass = causes.astype(np.float32) * norm.pdf(i, mean_i, _SD[2]).astype(np.float32)
        return cls(axes, mass)

    def mean(self, of: int, given: tuple[int, ...], at: Array) -> Array:
        """Return the mean of a concept given others, ``[n]``, for individuals ``[4, n]``."""
        shape = [1] * len(self.axes)
        shape[of] = -1
        values = self.axes[of].reshape(shape).astype(np.float32)
        summed = tuple(axis for axis in range(len(self.axes)) if axis not in given)
        weight = self.mass.sum(axis=summed, dtype=np.float64)
        total = (self.mass * values).sum(axis=summed, dtype=np.float64)
        if not given:
            return np.full(at.shape[1], total / weight)
        places = np.stack([_place(self.axes[axis], at[axis]) for axis in sorted(given)])
        # The sums are interpolated apart: their ratio is noise where there is no mass.
        return map_coordinates(total, places, order=3) / map_coordinates(weight, places, order=3)


def _place(axis: Array, values: Array) -> Array:
    return (values - axis[0]) / (axis[1] - axis[0])


def costs(count: int, rng: np.random.Generator) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield each order of the concepts, and the nats that a label costs under it."""
    density, rows = Density.of_the_scenario(), drawn(count, rng)
    entropies: dict[tuple[int, frozenset[int]], float] = {}
    for order in permutations(range(len(NAMES))):
        for place, concept in enumerate(order):
            key = concept, frozenset(order[:place])
            if key not in entropies:
                rest = rows[concept] - density.mean(concept, tuple(sorted(key[1])), rows)
                entropies[key] = float(differential_entropy(rest[np.isfinite(rest)]))
    # Against the true order on the same individuals: what the estimate of entropy errs by goes
    # out, and so does the chance of the sample.
    true = sum(entropies[concept, frozenset(range(concept))] for concept in range(len(NAMES)))
    for order in permutations(range(len(NAMES))):
        found = sum(entropies[c, frozenset(order[:place])] for place, c in enumerate(order))
        yield order, found - true


def main() -> None:
    """Print the cost of every order, as lines of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--labels", type=int, default=5000)
    parser.add_argument("--samples", type=int, default=1_000_000)
    options = parser.parse_args()
    found = sorted(costs(options.samples, np.random.default_rng(0)), key=lambda one: one[1])
    for order, nats in found:
        line = {
            "order": " < ".join(NAMES[concept] for concept in order),
            "nats per label": round(nats, 5),
            f"nats of {options.labels} labels": round(nats * options.labels, 1),
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
