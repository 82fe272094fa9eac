"""The description length of a concept given its parents, the score of the exact search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalxai.errors import DataError
from causalxai_glance.scm.attribute_score import AttributeScore
from causalxai_glance.scm.choices import JOINT_PARENTS, Choice, screened_together
from causalxai_glance.scm.design import Child, Design, raw_coefficients
from causalxai_glance.scm.location_scale import Located, Location, location_scale_lengths
from causalxai_glance.scm.noise import Noise, fit_noise
from causalxai_glance.scm.sample_checks import checked
from causalxai_glance.scm.screening import Screen, gaussian_lengths, joint_lengths
from causalxai_glance.scm.search import MOST_BOOLEAN, MOST_NODES
from causalxai_glance.scm.search import Family as Parents
from causalxai_glance.scm.structural_equation import StructuralEquation
from causalxai_glance.scm.threshold import ThresholdEquation

Values = NDArray[np.float64]
Family: TypeAlias = tuple[int, tuple[int, ...]]

ROOT_COMPONENTS, COMPONENTS = 4, 3
_AT_ONCE = 32  # The number of families whose noise is fitted together.


def edge_price(d: int) -> float:
    """Return the nats that name one edge among the ``d (d - 1)`` possible ones of a graph.

    Without this price, the best of many pairs of independent columns often seems to shorten the
    description: there would be a false edge in one of six graphs of four exponential columns.
    """
    return float(np.log(max(1, d * (d - 1))))


@dataclass(frozen=True)
class _Candidate:
    """A choice of a basis for each parent and of a link, by index."""

    chosen: Choice
    link: int


@dataclass(frozen=True)
class _Fit:
    """The best candidate, its noise and its description length."""

    candidate: _Candidate
    noise: Noise
    score: float


class MdlScore:
    """The local score of a node given its parents: a description length in nats, lower is better.

    The score is ``n h(residual) + ½ k log n - sum of log g'``: the entropy of the noise, the cost
    of all ``k`` free parameters (splines, noise, link) and the link's Jacobian, on standardised
    columns, and the price of naming each edge, ``log(d (d - 1))``.

    Parameters
    ----------
    values
        ``[n, d]``, a column per concept.
    links
        Whether effects may have links other than the identity.

    Raises
    ------
    DataError
        If there are too few rows, or a column is constant, is not finite, or has two values other
        than 0 and 1. The message gives the column's number.

    Notes
    -----
    Bases and links are screened by their Gaussian score, for which products of columns suffice;
    mixtures are fitted to the best candidates of each kind. Many equal values at an end of a column
    are treated as clipped, and few levels as a discretised continuous variable without a link; both
    are scored by the probability of their intervals. The length of a boolean column is the negative
    log likelihood of a logistic regression plus ½ k log n. See [1]_ for the idea of the score.

    A large difference in nats between two directions is evidence only within the class of
    additive-noise models, in the effect's own unit or under a link. Where the spread of the noise
    depends on the cause, wrong directions win by more than a hundred nats; ``uneven`` allows for
    it.

    References
    ----------
    .. [1] Mian, Marx, Vreeken, "Discovering fully oriented causal networks", AAAI 2021.
    """

    def __init__(self, values: ArrayLike, *, links: bool = True) -> None:
        x = checked(values)
        self._location, self._scale = x.mean(axis=0), x.std(axis=0)
        self._values = (x - self._location) / self._scale
        self._links = links
        self._design = Design.of(self._values)
        self._children: dict[int, Child] = {}
        self._screens: dict[int, Screen] = {}
        self._tried: dict[Family, list[_Candidate]] = {}
        self._fits: dict[Family, _Fit] = {}
        self._rankings: dict[Family, list[int]] = {}
        self._uneven: dict[Family, float] = {}
        self._equations: dict[Family, StructuralEquation | ThresholdEquation] = {}
        self._attributes = AttributeScore(x, self._design, self._location, self._scale)

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self._values)

    @property
    def d(self) -> int:
        """The number of columns."""
        return int(self._values.shape[1])

    @property
    def boolean(self) -> frozenset[int]:
        """The columns whose values are 0 and 1."""
        return self._attributes.boolean

    @property
    def most_nodes(self) -> int:
        """The largest number of columns for which all parent sets are scored."""
        return MOST_BOOLEAN if len(self.boolean) == self.d else MOST_NODES

    def __call__(self, child: int, parents: frozenset[int]) -> float:
        """Return the description length of ``child`` given ``parents``, in nats."""
        price = edge_price(self.d) * len(parents)
        if child in self.boolean:
            return self.equation(child, parents).score + price
        return self._fit(*self._family(child, parents)).score + price

    def uneven(self, child: int, parents: frozenset[int]) -> float:
        """Return the same where the spread of the noise may depend on the parents, if shorter."""
        even = self(child, parents)
        if child in self.boolean or not parents:
            return even
        family = self._family(child, parents)
        if family not in self._uneven:
            self.prepare_uneven([(child, parents)])
        return min(even, self._uneven[family] + edge_price(self.d) * len(parents))

    def screen(self, child: int, parents: frozenset[int]) -> float:
        """Return an approximate description length, under normal noise, in a fraction of the time.

        It is 0 for boolean columns, whose scores take little time themselves.
        """
        return 0.0 if child in self.boolean else self._screen(child)(parents)

    def ranked(self, child: int, parents: frozenset[int]) -> list[int]:
        """Return the columns that may improve a set of parents, the most promising first.

        Those of a boolean column are ranked by linear regressions of its values.
        """
        family = self._family(child, parents)
        if family not in self._rankings:
            chosen, link = (0,) * len(parents), 0
            if child not in self.boolean:
                best = self._fit(*family).candidate
                chosen, link = best.chosen, best.link
            self._rankings[family] = self._screen(child).ranked(family[1], chosen, link)
        return self._rankings[family]

    def equation(
        self, child: int, parents: frozenset[int]
    ) -> StructuralEquation | ThresholdEquation:
        """Return the equation with the least description length, in the columns' own units."""
        family = self._family(child, parents)
        if family not in self._equations:
            convert = self._attributes.equation if child in self.boolean else self._equation
            self._equations[family] = convert(*family)
        return self._equations[family]

    def _family(self, child: int, parents: frozenset[int]) -> Family:
        """Return the child and its parents in ascending order.

        Raises
        ------
        DataError
            If they are not different columns.
        """
        if child in parents or not {child, *parents} <= set(range(self.d)):
            raise DataError(f"{sorted(parents)} → {child}: not parents among {self.d} columns")
        return child, tuple(sorted(parents))

    def _child(self, child: int) -> Child:
        if child not in self._children:
            column = self._values[:, child]
            self._children[child] = Child(column, self._design, self._links)
        return self._children[child]

    def _screen(self, child: int) -> Screen:
        if child not in self._screens:
            self._screens[child] = Screen(
                child, self._child(child), self._design, edge_price(self.d)
            )
        return self._screens[child]

    def prepare(self, families: Iterable[Parents]) -> None:
        """Fit many children to many sets of parents at once, which takes less time."""
        named = dict.fromkeys(self._family(*family) for family in families)
        new = [own for own in named if own not in self._fits and own[0] not in self.boolean]
        # Values of which only an interval is known are those of one child.
        kinds: dict[int | None, list[Family]] = {}
        for family in new:
            own = None if self._child(family[0]).cells is None else family[0]
            kinds.setdefault(own, []).append(family)
        for together in kinds.values():
            for start in range(0, len(together), _AT_ONCE):
                self._fit_all(together[start : start + _AT_ONCE])

    def prepare_uneven(self, families: Iterable[Parents]) -> None:
        """Do the same for scores that allow for noise of uneven spread."""
        asked = [(child, parents) for child, parents in families if child not in self.boolean]
        self.prepare(asked)
        named = dict.fromkeys(self._family(*family) for family in asked)
        new = [family for family in named if family[1] and family not in self._uneven]
        for start in range(0, len(new), _AT_ONCE):
            together = new[start : start + _AT_ONCE]
            located = [self._located(*family) for family in together]
            lengths = location_scale_lengths(self._design, located, COMPONENTS)
            self._uneven.update(zip(together, lengths, strict=True))

    def _located(self, child: int, parents: tuple[int, ...]) -> Located:
        """Return the better one of the two candidates with each kind of link."""
        node = self._child(child)
        links, candidates = node.grid.links, reversed(self._candidates(child, parents))
        kinds = {links[one.link].kind: one for one in candidates}
        own = [*kinds.values()]
        locations = [Location(one.chosen, one.link, self._price(node, parents, one)) for one in own]
        return Located(node, parents, tuple(locations), self._residuals(child, parents, own))

    def _fit(self, child: int, parents: tuple[int, ...]) -> _Fit:
        if (child, parents) not in self._fits:
            self._fit_all([(child, parents)])
        return self._fits[child, parents]

    def _fit_all(self, families: Sequence[Family]) -> None:
        """Keep, for each family, the candidate with the least description length."""
        candidates = [(own, one) for own in families for one in self._candidates(*own)]
        residuals = np.concatenate([self._smoothed(*own) for own in families])
        most = np.array([COMPONENTS if own[1] else ROOT_COMPONENTS for own, _ in candidates])
        # Whoever asks for several children at once has made sure that none has cells.
        fits = fit_noise(residuals, most, self._child(families[0][0]).cells)
        for (own, one), fit in zip(candidates, fits, strict=True):
            length = fit.length + self._price(self._child(own[0]), own[1], one)
            best = self._fits.get(own)
            if best is None or length < best.score:
                self._fits[own] = _Fit(one, fit.noise, length)

    def _price(self, node: Child, parents: tuple[int, ...], one: _Candidate) -> float:
        """Return the cost of a candidate besides its noise: for parameters and the Jacobian."""
        functions = len(self._design.where(parents, one.chosen))
        constants = 0.5 * (functions + node.grid.parameters[one.link]) * np.log(self.n)
        return float(constants - node.log_jacobian(one.link))

    def _candidates(self, child: int, parents: tuple[int, ...]) -> list[_Candidate]:
        """Return two choices of bases for the best link of each kind, by the Gaussian score."""
        if (child, parents) not in self._tried:
            self._tried[child, parents] = self._promising(self._child(child), parents)
        return self._tried[child, parents]

    def _promising(self, node: Child, parents: tuple[int, ...]) -> list[_Candidate]:
        choices, table = self._screened(node, parents)
        kinds = np.array([link.kind for link in node.grid.links])
        kept: list[_Candidate] = []
        for kind in dict.fromkeys(kinds.tolist()):
            own = np.flatnonzero(kinds == kind)
            links = own[table[:, own].argmin(axis=1)]
            lengths = table[np.arange(len(table)), links]
            best = np.argsort(lengths, kind="stable")[:2]
            kept.extend(_Candidate(choices[row], int(links[row])) for row in best)
        return kept

    def _screened(self, node: Child, parents: tuple[int, ...]) -> tuple[list[Choice], Values]:
        """Return the choices of bases that are tried, and the Gaussian scores of all links."""
        if 0 < len(parents) <= JOINT_PARENTS:
            return joint_lengths(node, self._design, parents)
        scores = screened_together(
            [len(self._design.bases[parent]) for parent in parents],
            lambda choices: self._gaussian(node, parents, choices),
            lambda scores: float(scores.min()),
        )
        return [*scores], np.stack([*scores.values()])

    def _gaussian(
        self, node: Child, parents: tuple[int, ...], choices: Sequence[Choice]
    ) -> list[Values]:
        explained, sizes = [], []
        for chosen in choices:
            where = self._design.where(parents, chosen)
            # Links are sums of few pieces, so that the pieces alone are regressed.
            products = node.products[where]
            solved = self._design.solve(where, products) if len(where) else products
            explained.append(products.T @ solved)
            sizes.append([len(where)])
        left = node.squares - node.grid.squares(np.stack(explained))
        return [*gaussian_lengths(node, left, np.array(sizes), self.n)]

    def _smoothed(self, child: int, parents: tuple[int, ...]) -> Values:
        """Return the residuals of all candidates, none of which is sharper than may be."""
        candidates, node = self._candidates(child, parents), self._child(child)
        left = self._residuals(child, parents, candidates)
        floors = np.sqrt(node.floors[[one.link for one in candidates]] / self.n)
        for row in np.flatnonzero(left.std(axis=1) < floors):
            left[row] = _evenly_spread(self.n, float(floors[row]))
        return left

    def _residuals(
        self, child: int, parents: tuple[int, ...], candidates: Sequence[_Candidate]
    ) -> Values:
        """Return what the parents leave of the child under each candidate, ``[candidates, n]``."""
        node, design = self._child(child), self._design
        left = node.mapped_all([one.link for one in candidates])
        if parents:
            weights = np.zeros((len(candidates), len(design.functions)))
            for own, one in zip(weights, candidates, strict=True):
                where = design.where(parents, one.chosen)
                own[where] = design.solve(where, node.products[where] @ node.grid.sums[one.link])
            left -= design.weighted(weights, parents)
            left -= left.mean(axis=1, keepdims=True)
        return left

    def _equation(self, child: int, parents: tuple[int, ...]) -> StructuralEquation:
        """Convert a fit to standardised columns into an equation in the columns' own units."""
        node, fit = self._child(child), self._fit(child, parents)
        one = fit.candidate
        standard = node.grid.links[one.link]
        location, scale = float(self._location[child]), float(self._scale[child])
        link = standard.rescaled(location, scale)
        unit = scale if link.kind == "identity" else 1.0
        bases = [self._design.bases[p][c] for p, c in zip(parents, one.chosen, strict=True)]
        x = self._values
        raw = [basis.columns(x[:, p]) for basis, p in zip(bases, parents, strict=True)]
        weights, remainder = raw_coefficients(raw, unit * node.mapped(one.link))
        mean = float(link.forward(location + scale * x[:, child]).mean())
        ends = np.cumsum([0] + [basis.size for basis in bases])
        own = [
            basis.rescaled(float(self._location[p]), float(self._scale[p]))
            for basis, p in zip(bases, parents, strict=True)
        ]
        return StructuralEquation(
            child,
            parents,
            link,
            mean - remainder,
            tuple(own),
            tuple(tuple(weights[a:b].tolist()) for a, b in pairwise(ends)),
            fit.noise.moved(0.0, unit),
            fit.score,
        )


def _evenly_spread(n: int, sd: float) -> Values:
    """Return what replaces a residual that is sharper than may be."""
    even = np.linspace(-1.0, 1.0, n) * np.sqrt(3 * (n - 1) / (n + 1))
    return np.asarray(even * sd, dtype=np.float64)
